import { hostname } from 'node:os';
import { closedSchema, type ServiceName, subjects } from '@tranship/contracts';
import type { Connection } from './connection.ts';

/** What a command in hand may take to come to its end. */
const closeMs = 3_000;

/** The one thing that a workbench is told beside its commands: to let go of the disks, for good. */
export class Workbenches {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The pod in which this service has ended for the VM, with no disk open; undefined: nobody said so in time. */
  async close(service: ServiceName, migration: string, vm: string): Promise<string | undefined> {
    const asked = this.#connection.nc.request(subjects.close(service, migration, vm), '', { timeout: closeMs });
    return asked.then((answer) => closedSchema.parse(answer.string())).catch(() => undefined);
  }

  /** Answers with the name of our pod, once `close` is done, until `signal` aborts. */
  onClose(service: ServiceName, migration: string, vm: string, close: () => Promise<void>, signal: AbortSignal): void {
    const subscription = this.#connection.nc.subscribe(subjects.close(service, migration, vm), {
      callback: (error, message) => {
        // One that could not close says nothing: its pod's end is waited for.
        if (!error)
          close().then(
            () => message.respond(hostname()),
            () => {},
          );
      },
    });
    signal.addEventListener('abort', () => subscription.unsubscribe(), { once: true });
  }
}
