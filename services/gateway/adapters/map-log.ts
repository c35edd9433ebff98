import { BusConflict } from '@tranship/bus';
import { subjects, TranshipError } from '@tranship/contracts';
import {
  foldMap,
  type MapDocument,
  type MapKind,
  type MapKinds,
  type MapState,
  mapSubject,
  noMap,
  ofSubject,
  present,
} from '../domain/maps.ts';
import type { EventLog, Resource, World } from '../ports.ts';

/**
 * Maps: the gateway's own aggregate. One map is read from its events, which is never late;
 * the lists come from a projection that follows the log.
 */
export class MapLog {
  readonly #events: EventLog;
  readonly #clock: World['clock'];
  readonly #states = new Map<string, MapState>();
  #seq = 0;
  #ready = false;

  constructor(world: Pick<World, 'events' | 'clock'>) {
    this.#events = world.events;
    this.#clock = world.clock;
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** Keeps the projection; started again, it goes on where it was. */
  async follow(signal: AbortSignal): Promise<void> {
    await this.#events.follow(
      subjects.events('map'),
      this.#seq + 1,
      (event) => {
        this.#apply(event.subject, event);
        this.#seq = event.seq;
      },
      signal,
      () => {
        this.#ready = true;
      },
    );
  }

  of<K extends MapKind>(kind: K): Resource<MapKinds[K]> {
    return {
      list: async () => this.#list(kind) as MapKinds[K][],
      get: async (name) => (await this.#get(kind, name)) as MapKinds[K],
      put: async (document) => (await this.#put(kind, document)) as MapKinds[K],
      remove: (name, version) => this.#remove(kind, name, version),
    };
  }

  #list(kind: MapKind): MapDocument[] {
    return [...this.#states].flatMap(([subject, state]) => {
      const document = ofSubject(subject).kind === kind ? present(state) : undefined;
      return document ? [document] : [];
    });
  }

  async #get(kind: MapKind, name: string): Promise<MapDocument> {
    const document = present(await this.#load(kind, name));
    if (!document) throw new TranshipError('document.not-found', `there is no ${kind} ${name}`);
    return document;
  }

  async #put(kind: MapKind, document: MapDocument): Promise<MapDocument> {
    const { name, labels, annotations, resourceVersion } = document.metadata;
    const state = await this.#load(kind, name);
    check(kind, name, state, resourceVersion);
    const metadata = { name, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) };
    const stored = { ...document, metadata };
    if (state.document && JSON.stringify(state.document) === JSON.stringify(stored)) return present(state)!;
    return present(await this.#append(kind, name, state, { type: 'map.stored', data: stored }))!;
  }

  async #remove(kind: MapKind, name: string, version: string | undefined): Promise<void> {
    const state = await this.#load(kind, name);
    if (!state.document) throw new TranshipError('document.not-found', `there is no ${kind} ${name}`);
    check(kind, name, state, version);
    await this.#append(kind, name, state, { type: 'map.removed', data: {} });
  }

  async #load(kind: MapKind, name: string): Promise<MapState> {
    const { events } = await this.#events.readSubject(mapSubject(kind, name));
    return events.reduce<MapState>(foldMap, noMap);
  }

  async #append(
    kind: MapKind,
    name: string,
    state: MapState,
    event: { type: 'map.stored'; data: MapDocument } | { type: 'map.removed'; data: object },
  ): Promise<MapState> {
    const subject = mapSubject(kind, name);
    const time = new Date(this.#clock.now());
    try {
      const seq = await this.#events.append(subject, [event], state.seq, { source: 'tranship/gateway', time });
      const next = foldMap(state, { ...event, seq, time: time.toISOString() });
      // The writer's own next list shows it, however late the follower is.
      this.#states.set(subject, next);
      return next;
    } catch (error) {
      if (!(error instanceof BusConflict)) throw error;
      throw new TranshipError('document.conflict', `somebody else changed the ${kind} ${name} just now`, {
        cause: error,
      });
    }
  }

  #apply(subject: string, event: Parameters<typeof foldMap>[1]): void {
    const state = foldMap(this.#states.get(subject) ?? noMap, event);
    this.#states.set(subject, state);
  }
}

function check(kind: string, name: string, state: MapState, wanted: string | undefined): void {
  const current = state.document ? String(state.seq) : '0';
  if (wanted === undefined || wanted === current) return;
  throw new TranshipError('document.conflict', `the ${kind} ${name} has the version ${current}, not ${wanted}`);
}
