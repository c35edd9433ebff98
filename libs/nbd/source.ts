import { type ConnectOptions, NbdClient } from './client.ts';
import type { Extent } from './extents.ts';
import type { Address } from './wire.ts';

/** An export read over several connections at once; a request goes to the one with the least in flight. */
export class NbdSource {
  readonly #clients: readonly NbdClient[];

  private constructor(clients: readonly NbdClient[]) {
    this.#clients = clients;
  }

  static async connect(address: Address, connections: number, options: ConnectOptions = {}): Promise<NbdSource> {
    const tries = await Promise.allSettled(
      Array.from({ length: connections }, () => NbdClient.connect(address, options)),
    );
    const clients = tries.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const failed = tries.find((each) => each.status === 'rejected');
    if (!failed) return new NbdSource(clients);
    await Promise.all(clients.map((client) => client.close()));
    throw failed.reason;
  }

  get size(): number {
    return this.#clients[0]!.size;
  }

  read(offset: number, target: Buffer): Promise<void> {
    return this.#idle().read(offset, target);
  }

  extents(offset: number, length: number): Promise<readonly Extent[]> {
    return this.#idle().extents(offset, length);
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  #idle(): NbdClient {
    return this.#clients.reduce((best, each) => (each.inFlight < best.inFlight ? each : best));
  }
}
