import { TranshipError } from '@tranship/contracts';
import { Collector, type ObjectUpdate, type PropertySet } from './collector.ts';
import { Control, type Param, type Ref } from './control.ts';
import { toTranshipError, VimFault } from './faults.ts';
import { type Counters, countersIn, type Metric, perfQuery, type Sample, samplesIn } from './performance.ts';
import { type Lacking, lackingIn } from './privileges.ts';
import { type Certificate, type TlsTrust, Transport } from './transport.ts';
import type { Operation } from './wsdl.ts';
import { list, type Value } from './xml.ts';

export interface Login {
  readonly username: string;
  readonly password: string;
}

export interface VSphereOptions {
  readonly url: string;
  readonly trust: TlsTrust;
  /** Read at each login: a credential that is changed on disk is taken at the next. */
  readonly login: () => Promise<Login>;
}

/** What a deadline is told by. */
export interface Time {
  now(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

interface Content {
  readonly about: { readonly fullName: string; readonly apiVersion: string; readonly instanceUuid: string };
  readonly root: Ref;
  readonly session: Ref;
  /** Of the session: its key, and whose it is. */
  readonly key: string;
  readonly user: string;
  readonly authorization: Ref;
  readonly views: Ref;
  readonly events: Ref;
  readonly performance: Ref;
  readonly collector: Collector;
}

const instance: Ref = { type: 'ServiceInstance', value: 'ServiceInstance' };

/** One vCenter: one session, opened at the first call, opened again when it has ended. */
export class VSphere {
  readonly #options: VSphereOptions;
  readonly #transport: Transport;
  readonly #control: Control;
  readonly #followers = new Set<Collector>();
  #content: Promise<Content> | undefined;
  /** What it gave, as long as its session stands. */
  #current: Content | undefined;
  #counters: Promise<Counters> | undefined;

  constructor(options: VSphereOptions) {
    this.#options = options;
    this.#transport = new Transport(options.url, options.trust);
    this.#control = new Control(this.#transport);
  }

  async about(): Promise<Content['about']> {
    return (await this.#open()).about;
  }

  /** Who we are there, in vCenter's words. */
  async user(): Promise<string> {
    return (await this.#open()).user;
  }

  /** What vCenter shows of itself, once the trust has accepted it. @throws TranshipError vsphere.certificate */
  certificate(): Promise<Certificate> {
    return this.#transport.certificate();
  }

  /** The server's own time, milliseconds since the epoch. */
  async currentTime(): Promise<number> {
    return Date.parse(String(await this.call(instance, 'CurrentTime')));
  }

  /** A control call within a session. @throws TranshipError */
  call(on: Ref, operation: Operation, params: Readonly<Record<string, Param>> = {}): Promise<Value | undefined> {
    return this.#within(`${operation} of ${on.value}`, () => this.#control.call(on, operation, params));
  }

  /** Properties of objects of one type, read now. Objects that are gone are an error. */
  read(refs: readonly Ref[], properties: readonly string[]): Promise<ObjectUpdate[]> {
    return this.#within('reading properties', async ({ collector }) => collector.read(refs, properties));
  }

  /** Events of one object, of these types: the newest are among them, how many vCenter says. Ids are those of `EventDescription`. */
  async events(of: Ref, types: readonly string[]): Promise<Value[]> {
    const filter = { entity: { entity: of, recursion: 'self' }, eventTypeId: types } as const;
    return list(
      await this.#within('reading events', ({ events }) => this.#control.call(events, 'QueryEvents', { filter })),
    );
  }

  /**
   * What this session may not do, of these privileges, at each of these objects, however it was given or kept from it.
   * @throws TranshipError vsphere.denied where one of the objects may not even be seen
   */
  async lacking(entity: readonly Ref[], privId: readonly string[]): Promise<Lacking[]> {
    const answer = await this.#within('reading privileges', ({ authorization, key: sessionId }) =>
      this.#control.call(authorization, 'HasPrivilegeOnEntities', { entity, sessionId, privId }),
    );
    return lackingIn(answer);
  }

  /** The newest figure of each series of one host or VM, of 20 s; what there is none of is left out. */
  async samples(of: Ref, metrics: readonly Metric[]): Promise<Sample[]> {
    this.#counters ??= this.#within('reading the counters', ({ collector, performance }) =>
      collector.read([performance], ['perfCounter']),
    ).then(([read]) => countersIn(read?.properties.perfCounter));
    const counters = await this.#counters.catch((error: unknown) => {
      this.#counters = undefined;
      throw error;
    });
    const querySpec = perfQuery(of, metrics, counters);
    if (!querySpec) return [];
    const answer = await this.#within(`figures of ${of.value}`, ({ performance }) =>
      this.#control.call(performance, 'QueryPerf', { querySpec }),
    );
    return samplesIn(answer, counters);
  }

  /** Follows all objects of the given types below the root. Ends with a throw when the session is lost. */
  async *follow(sets: PropertySet, signal: AbortSignal): AsyncGenerator<ObjectUpdate[]> {
    const content = await this.#within('opening', async (opened) => opened);
    const { collector, root, views } = content;
    let view: Ref | undefined;
    let own: Collector | undefined;
    try {
      view = await new Collector(this.#transport, views).createView(root, Object.keys(sets));
      own = await collector.create();
      this.#followers.add(own);
      yield* own.follow(view, sets, signal);
    } catch (error) {
      if (!(error instanceof VimFault)) throw error;
      this.#forget(content);
      throw toTranshipError(error, 'following the inventory');
    } finally {
      // Nothing of it stays at vCenter for as long as the session lives.
      if (view && own) await own.destroy(view);
      if (own) this.#followers.delete(own);
    }
  }

  /** Runs a method that gives a task, and waits for the task's end. */
  async task(
    on: Ref,
    operation: Operation,
    params: Readonly<Record<string, Param>>,
    deadlineMs: number,
    clock: Time,
    signal?: AbortSignal,
  ): Promise<Value | undefined> {
    const task = (await this.call(on, operation, params)) as unknown as Ref;
    const end = clock.now() + deadlineMs;
    for (let pause = 50; ; pause = Math.min(pause * 2, 2_000)) {
      const [read] = await this.read([task], ['info']);
      const info = read?.properties.info as
        | { state?: string; error?: { fault?: { $type?: string }; localizedMessage?: string }; result?: Value }
        | undefined;
      if (info?.state === 'success') return info.result;
      if (info?.state === 'error') {
        throw toTranshipError(
          new VimFault(info.error?.fault?.$type ?? 'SystemError', info.error?.localizedMessage ?? ''),
          `${operation} of ${on.value}`,
        );
      }
      if (clock.now() > end)
        throw new TranshipError(
          'vsphere.fault',
          `${operation} of ${on.value} did not end within ${deadlineMs / 1000} s`,
        );
      await clock.sleep(pause, signal);
    }
  }

  /** Downloads from a host of this vCenter, see {@link Transport.download}; a host without a thumbprint is judged as vCenter is. */
  download(address: string, thumbprint: string | undefined, deadlineMs: number, signal: AbortSignal) {
    return this.#transport.download(address, thumbprint ? { thumbprint } : this.#options.trust, deadlineMs, signal);
  }

  async close(): Promise<void> {
    const content = await this.#content?.catch(() => undefined);
    // A session does not end while a wait of its own is open.
    await Promise.all([...this.#followers].map((follower) => follower.cancel()));
    if (content) await this.#control.call(content.session, 'Logout').catch(() => undefined);
    if (content) this.#forget(content);
    this.#transport.close();
  }

  /** Runs within a session; when the server says that it has ended, once more within a new one. */
  async #within<T>(what: string, work: (content: Content) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const content = await this.#open();
      try {
        return await work(content);
      } catch (error) {
        if (!(error instanceof VimFault)) throw error;
        if (error.type !== 'NotAuthenticated' || attempt > 1) throw toTranshipError(error, what);
        this.#forget(content);
      }
    }
  }

  #open(): Promise<Content> {
    this.#content ??= this.#login().catch((error: unknown) => {
      this.#content = undefined;
      throw error instanceof VimFault ? toTranshipError(error, 'opening a session') : error;
    });
    return this.#content;
  }

  /** Several calls hear of one session's end: the first makes the way free for a new one, which the others must not drop. */
  #forget(content: Content): void {
    if (this.#current !== content) return;
    this.#current = undefined;
    this.#content = undefined;
    this.#counters = undefined;
    this.#transport.forget();
  }

  async #login(): Promise<Content> {
    const { username, password } = await this.#options.login();
    const service = (await this.#control.call(instance, 'RetrieveServiceContent')) as unknown as Record<string, Value>;
    const session = service.sessionManager as unknown as Ref;
    const login = { userName: username, password };
    const opened = await this.#control.call(session, 'Login', login).catch((error: unknown) => {
      if (error instanceof VimFault && error.type === 'InvalidLogin')
        throw toTranshipError(error, `login as ${username}`);
      throw error;
    });
    const { key, userName } = opened as Record<string, Value>;
    const collector = new Collector(this.#transport, service.propertyCollector as unknown as Ref);
    this.#current = {
      about: service.about as unknown as Content['about'],
      root: service.rootFolder as unknown as Ref,
      session,
      key: String(key),
      user: String(userName),
      authorization: service.authorizationManager as unknown as Ref,
      views: service.viewManager as unknown as Ref,
      events: service.eventManager as unknown as Ref,
      performance: service.perfManager as unknown as Ref,
      collector,
    };
    return this.#current;
  }
}
