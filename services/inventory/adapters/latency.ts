import { type Latency, type SourceVm, TranshipError } from '@tranship/contracts';
import type { VSphere } from '@tranship/vsphere';
import { latencyCounters, latencyFor, questions, type Seen } from '../domain/latency.ts';
import type { Datastore } from '../domain/room.ts';

/** How long datastores take to answer, by the figures of the hosts that the VMs are on. */
export class Latencies {
  readonly #client: VSphere;
  /** Told once, until they are there again: who may not read figures is not slowed by them. */
  readonly #onBlind: (why: string) => void;
  #blind = false;

  constructor(client: VSphere, onBlind: (why: string) => void) {
    this.#client = client;
    this.#onBlind = onBlind;
  }

  async of(vms: readonly SourceVm[], stores: readonly Datastore[], maxMs: number): Promise<Latency[]> {
    const asked = [...questions(vms, stores)];
    const reasons: string[] = [];
    const refused = (error: unknown): Seen[] => {
      reasons.push(why(error));
      return [];
    };
    const seen = await Promise.all(asked.map((each) => this.#seen(...each).catch(refused)));
    const latencies = vms.flatMap((vm) => latencyFor(vm, stores, seen.flat(), maxMs) ?? []);
    const blind = latencies.length < vms.length;
    if (blind && !this.#blind) this.#onBlind(reasons[0] ?? 'vCenter has no figures of the last 20 s');
    this.#blind = blind;
    return latencies;
  }

  async #seen(host: string, instances: readonly string[]): Promise<Seen[]> {
    const metrics = instances.flatMap((instance) => latencyCounters.map((counter) => ({ counter, instance })));
    const samples = await this.#client.samples({ type: 'HostSystem', value: host }, metrics);
    return samples.map(({ instance, value }) => ({ instance, ms: value }));
  }
}

/** A refusal tells nothing of the others; a vCenter that is away is the asker's matter. */
function why(error: unknown): string {
  const { code, detail } = TranshipError.from(error);
  if (!/^vsphere\.(fault|denied|not-found)$/.test(code)) throw error;
  return detail;
}
