import { fromToken, type NetworkMap, type StorageMap, subjects } from '@tranship/contracts';

/** The two kinds of map, and what each is on the wire. */
export interface MapKinds {
  NetworkMap: NetworkMap;
  StorageMap: StorageMap;
}
export type MapKind = keyof MapKinds;
export type MapDocument = NetworkMap | StorageMap;

/** One map: the fold of its subject's events. */
export interface MapState {
  /** Absent when it was removed. */
  readonly document?: MapDocument;
  /** Place of the last event in the log: the resource version. */
  readonly seq: number;
  readonly generation: number;
  readonly created: string;
}
export const noMap: MapState = { seq: 0, generation: 0, created: '' };

interface MapFact {
  readonly seq: number;
  readonly time: string;
  readonly type: string;
  readonly data: unknown;
}

export const mapSubject = (kind: MapKind, name: string) => subjects.event('map', kind, name);

/** Kind and name of a subject that {@link mapSubject} made. */
export function ofSubject(subject: string): { kind: string; name: string } {
  const [kind = '', name = ''] = subject.split('.').slice(4);
  return { kind, name: fromToken(name) };
}

/** An event that is folded already changes nothing; unknown types neither. */
export function foldMap(state: MapState, event: MapFact): MapState {
  if (event.seq <= state.seq) return state;
  if (event.type === 'map.removed') return { ...noMap, seq: event.seq };
  if (event.type !== 'map.stored') return { ...state, seq: event.seq };
  return {
    document: event.data as MapDocument,
    seq: event.seq,
    generation: state.generation + 1,
    created: state.document ? state.created : event.time,
  };
}

/** The map as a reader gets it. */
export function present(state: MapState): MapDocument | undefined {
  const { document, seq, generation, created } = state;
  if (!document) return undefined;
  const metadata = { ...document.metadata, resourceVersion: String(seq), generation, creationTimestamp: created };
  return { ...document, metadata };
}
