import type { Provider, TranshipEvent } from '@tranship/contracts';

/** A provider as its events tell it. */
export interface Stored {
  /** Undefined before it is added, and once it is removed. */
  readonly provider: Provider | undefined;
  /** Of a removed one: generations go on. */
  readonly generation: number;
}
export const nothing: Stored = { provider: undefined, generation: 0 };

type Told = Pick<TranshipEvent, 'type'> & { readonly data: unknown; readonly seq: number; readonly time: string };

/** The resource version is the place of the event that stored it: a provider that is lost, or ready, is not changed by it. */
export function foldStored(stored: Stored, { type, data, seq, time }: Told): Stored {
  if (type === 'provider.removed') return { ...stored, provider: undefined };
  if (type !== 'provider.added') return stored;
  const given = data as Provider;
  const {
    generation = stored.generation + 1,
    creationTimestamp = stored.provider?.metadata.creationTimestamp ?? time,
  } = given.metadata;
  const metadata = { ...given.metadata, generation, creationTimestamp, resourceVersion: String(seq) };
  return { provider: { ...given, metadata }, generation };
}

/** What a person may set. */
export const essence = ({ spec, metadata: { labels = {}, annotations = {} } }: Provider): string =>
  JSON.stringify({ spec, labels, annotations });

/** What is to be stored for it: the generation counts changes of the spec. */
export function toStore(before: Stored, { metadata: { name, labels, annotations }, ...rest }: Provider): Provider {
  const same = before.provider && JSON.stringify(before.provider.spec) === JSON.stringify(rest.spec);
  const generation = before.generation + (same ? 0 : 1);
  return {
    ...rest,
    metadata: { name, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}), generation },
  };
}
