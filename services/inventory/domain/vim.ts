/** The few shapes of vSphere's own model that the mapping reads: decoded objects keep their type as `$type`. */
export type Vim = { readonly [key: string]: unknown };

export const object = (value: unknown): Vim | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Vim) : undefined;
export const many = (value: unknown): Vim[] => {
  const all: unknown[] = Array.isArray(value) ? value : [value];
  return all.map(object).filter((each) => each !== undefined);
};
export const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;
/** Numbers and truth values come as text where vSphere gave no type. */
export const number = (value: unknown): number | undefined =>
  value === undefined || value === '' ? undefined : Number(value);
export const truth = (value: unknown): boolean => value === true || value === 'true';
export const refId = (value: unknown): string | undefined => text(object(value)?.value);
export const typeOf = (value: unknown): string => text(object(value)?.$type) ?? '';
