import type { Ref } from './control.ts';
import { faultOf } from './faults.ts';
import type { Transport } from './transport.ts';
import { child, decode, type Element, escapeXml, readXml, type Value } from './xml.ts';

/** One object's properties, or its change. */
export interface ObjectUpdate {
  readonly kind: 'enter' | 'modify' | 'leave';
  readonly ref: Ref;
  /** `undefined`: the property is unset now. */
  readonly properties: Readonly<Record<string, Value | undefined>>;
}

/** What to read: type -> property paths. */
export type PropertySet = Readonly<Record<string, readonly string[]>>;

const pageSize = 250;
const pageMs = 120_000;
/** What is asked at the end may take no longer. */
const goMs = 5_000;
/** The server answers WaitForUpdatesEx within this, changes or none. */
const waitSeconds = 25;

const refXml = (name: string, ref: Ref) => `<${name} type="${escapeXml(ref.type)}">${escapeXml(ref.value)}</${name}>`;
const wrap = (body: string) =>
  `<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:Body>${body}</e:Body></e:Envelope>`;

/** Inventory reads: requests from templates, answers as a stream, each object decoded as it ends. Keys stand in schema order. */
export class Collector {
  readonly #transport: Transport;
  readonly #collector: Ref;

  constructor(transport: Transport, collector: Ref) {
    this.#transport = transport;
    this.#collector = collector;
  }

  /** Properties of the given objects, now. */
  async read(refs: readonly Ref[], properties: readonly string[]): Promise<ObjectUpdate[]> {
    const objects = refs.map((ref) => `<objectSet>${refXml('obj', ref)}</objectSet>`).join('');
    const spec = `<specSet>${propSet(refs[0]?.type ?? 'ManagedEntity', properties)}${objects}</specSet>`;
    return this.#pages('RetrievePropertiesEx', `${spec}<options><maxObjects>${pageSize}</maxObjects></options>`);
  }

  /** A collector of one's own, so that the waits of several readers do not mix. */
  async create(): Promise<Collector> {
    const top = await this.#ask('CreatePropertyCollector', '', pageMs);
    return new Collector(this.#transport, refOf(returned(top, 'CreatePropertyCollector')!));
  }

  /** Called on the view manager: a view of all objects of these types below a container. */
  async createView(container: Ref, types: readonly string[]): Promise<Ref> {
    const wanted = types.map((type) => `<type>${type}</type>`).join('');
    const top = await this.#ask(
      'CreateContainerView',
      `${refXml('container', container)}${wanted}<recursive>true</recursive>`,
      pageMs,
    );
    return refOf(returned(top, 'CreateContainerView')!);
  }

  /** Follows everything below a view. The first updates are the whole state, `enter` by `enter`. */
  async *follow(view: Ref, sets: PropertySet, signal: AbortSignal): AsyncGenerator<ObjectUpdate[]> {
    const traversal = `<selectSet xsi:type="TraversalSpec"><name>view</name><type>ContainerView</type><path>view</path><skip>false</skip></selectSet>`;
    const props = Object.entries(sets).map(([type, paths]) => propSet(type, paths));
    const spec = `<spec>${props.join('')}<objectSet>${refXml('obj', view)}<skip>true</skip>${traversal}</objectSet></spec>`;
    await this.#ask('CreateFilter', `${spec}<partialUpdates>false</partialUpdates>`, pageMs);
    let version = '';
    while (!signal.aborted) {
      const updates: ObjectUpdate[] = [];
      const options = `<version>${escapeXml(version)}</version><options><maxWaitSeconds>${waitSeconds}</maxWaitSeconds><maxObjectUpdates>${pageSize}</maxObjectUpdates></options>`;
      const top = await this.#ask(
        'WaitForUpdatesEx',
        options,
        (waitSeconds + 60) * 1000,
        'objectSet',
        (element) => updates.push(updateOf(element)),
        signal,
      );
      const set = returned(top, 'WaitForUpdatesEx');
      version = child(set, 'version')?.text ?? version;
      const truncated = child(set, 'truncated')?.text === 'true';
      yield updates;
      // An empty batch that is not cut short also tells the reader that it has caught up.
      if (!truncated && updates.length > 0) yield [];
    }
  }

  /** Ends the wait that is open, if there is one. Never throws: it is for those who go. */
  async cancel(): Promise<void> {
    await this.#ask('CancelWaitForUpdates', '', goMs).catch(() => undefined);
  }

  /** Removes this collector and its view from the server. Never throws. */
  async destroy(view: Ref): Promise<void> {
    await this.cancel();
    await this.#ask('DestroyPropertyCollector', '', goMs).catch(() => undefined);
    await new Collector(this.#transport, view).#ask('DestroyView', '', goMs).catch(() => undefined);
  }

  async #pages(operation: string, body: string): Promise<ObjectUpdate[]> {
    const found: ObjectUpdate[] = [];
    const take = (element: Element) => found.push(objectOf(element));
    let top = await this.#ask(operation, body, pageMs, 'objects', take);
    let token = child(returned(top, operation), 'token')?.text;
    while (token) {
      top = await this.#ask(
        'ContinueRetrievePropertiesEx',
        `<token>${escapeXml(token)}</token>`,
        pageMs,
        'objects',
        take,
      );
      token = child(returned(top, 'ContinueRetrievePropertiesEx'), 'token')?.text;
    }
    return found;
  }

  async #ask(
    operation: string,
    body: string,
    deadlineMs: number,
    cut?: string,
    take?: (element: Element) => void,
    signal?: AbortSignal,
  ): Promise<Element> {
    const request = wrap(`<${operation} xmlns="urn:vim25">${refXml('_this', this.#collector)}${body}</${operation}>`);
    const response = await this.#transport.post(request, deadlineMs, signal);
    const top = await readXml(response, new Set(cut === undefined ? [] : [cut]), take);
    const fault = faultOf(top);
    if (fault) throw fault;
    return top;
  }
}

const propSet = (type: string, paths: readonly string[]) =>
  `<propSet><type>${type}</type><all>false</all>${paths.map((path) => `<pathSet>${path}</pathSet>`).join('')}</propSet>`;

const returned = (top: Element, operation: string) =>
  child(child(child(child(top, 'Envelope'), 'Body'), `${operation}Response`), 'returnval');
const refOf = (element: Element): Ref => ({ type: element.attributes.type ?? '', value: element.text });

function objectOf(element: Element): ObjectUpdate {
  const properties: Record<string, Value> = {};
  for (const set of element.children) {
    if (set.name !== 'propSet') continue;
    const value = child(set, 'val');
    if (value) properties[child(set, 'name')!.text] = decode(value);
  }
  return { kind: 'enter', ref: refOf(child(element, 'obj')!), properties };
}

function updateOf(element: Element): ObjectUpdate {
  const properties: Record<string, Value | undefined> = {};
  for (const change of element.children) {
    if (change.name !== 'changeSet') continue;
    const value = child(change, 'val');
    properties[child(change, 'name')!.text] = value && decode(value);
  }
  return { kind: child(element, 'kind')!.text as ObjectUpdate['kind'], ref: refOf(child(element, 'obj')!), properties };
}
