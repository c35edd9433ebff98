import { type Provider, TranshipError } from '@tranship/contracts';
import type { Clock } from '@tranship/service-kit';
import { type Login, VSphere } from '@tranship/vsphere';
import { followed, Model, type Update } from '../domain/model.ts';
import type { Source } from '../ports.ts';

const taskMs = 300_000;
const ref = (vm: string) => ({ type: 'VirtualMachine', value: vm });

/** One provider, connected: its live model, and the actions at it. */
export class VCenter implements Source {
  /** Its spec never changes: another spec is another VCenter. */
  provider: Provider;
  readonly client: VSphere;
  readonly #clock: Clock;
  /** The last whole state; while a session is opened anew it stands as it is. */
  model = new Model();
  /** The model is whole, and followed. */
  ready = false;

  constructor(provider: Provider, login: (secret: string) => Promise<Login>, clock: Clock) {
    this.provider = provider;
    this.#clock = clock;
    const { url, tls, credentials } = provider.spec;
    this.client = new VSphere({ url, trust: tls, login: () => login(credentials.secret) });
  }

  /** Keeps the model current until the signal aborts, or throws when the session is lost. */
  async follow(signal: AbortSignal, caughtUp: () => void): Promise<void> {
    const model = new Model();
    for await (const updates of this.client.follow(followed, signal)) {
      model.apply(updates as Update[]);
      if (updates.length > 0 || this.model === model) continue;
      this.model = model;
      this.ready = true;
      caughtUp();
    }
  }

  async power(vm: string): Promise<{ powerState: 'poweredOn' | 'poweredOff' | 'suspended'; toolsRunning: boolean }> {
    const [read] = await this.client.read([ref(vm)], ['runtime.powerState', 'guest.toolsRunningStatus']);
    if (!read) throw new TranshipError('vsphere.not-found', `${vm} is not in ${this.provider.metadata.name}`);
    return {
      powerState: read.properties['runtime.powerState'] as 'poweredOn',
      toolsRunning: read.properties['guest.toolsRunningStatus'] === 'guestToolsRunning',
    };
  }

  async shutdownGuest(vm: string): Promise<void> {
    await this.client.call(ref(vm), 'ShutdownGuest');
  }

  async powerOff(vm: string): Promise<void> {
    await this.client.task(ref(vm), 'PowerOffVM_Task', {}, taskMs, (ms) => this.#clock.sleep(ms));
  }

  async powerOn(vm: string): Promise<void> {
    await this.client.task(ref(vm), 'PowerOnVM_Task', {}, taskMs, (ms) => this.#clock.sleep(ms));
  }
}
