const isUtf8 = (bytes: Buffer): boolean => Buffer.from(bytes.toString('utf8')).equals(bytes);

/** A text of the guest: UTF-8, or where it is not, Latin-1, which loses no byte of whatever it is. */
export const decoded = (bytes: Buffer): string => bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1');

/** A text in the coding of the file that it takes the place of; undefined: that has not all of its letters. */
export function codedAs(before: Buffer | undefined, text: Buffer): Buffer | undefined {
  if (before === undefined || isUtf8(before)) return text;
  const letters = text.toString('utf8');
  return [...letters].some((letter) => letter > '\u00ff') ? undefined : Buffer.from(letters, 'latin1');
}
