import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';

/** What was asked of all nbdkits that had a disk open, those that were killed too, by their own counters. */
export interface DiskReads {
  /** vCenter's id of the VM. */
  readonly vm: string;
  /** As vCenter names it: `[datastore] folder/name.vmdk`. */
  readonly file: string;
  readonly bytes: number;
  readonly requests: number;
  /** Processes that have read it. */
  readonly readers: number;
}

interface Reader extends Omit<DiskReads, 'readers'> {
  readonly reader: string;
}

/** Above the vCenter's port; lab/nbdkit-vddk/meter.c has the same. */
const above = 3;
export const meterPort = (vcenterPort: number): number => vcenterPort + above;

/** Where the lab's nbdkit plugin reports by datagrams, and others ask by HTTP: a JSON list of {@link DiskReads}. */
export class Meter {
  readonly #readers = new Map<string, Reader>();
  readonly #socket: Socket = createSocket('udp4');
  readonly #server: Server = createServer((_, response) => response.end(JSON.stringify(this.reads())));

  async listen(port: number, host: string): Promise<void> {
    this.#socket.on('message', (text) => this.take(text.toString()));
    const both = [once(this.#socket, 'listening'), once(this.#server, 'listening')];
    this.#socket.bind(port, host);
    this.#server.listen(port, host);
    await Promise.all(both);
  }

  /** Sums of one reader; what comes late, behind larger ones, is nothing new. */
  take(datagram: string): void {
    const found = parse(datagram);
    if (!found) return;
    const known = this.#readers.get(found.reader);
    if (!known || known.bytes < found.bytes) this.#readers.set(found.reader, found);
  }

  reads(): DiskReads[] {
    const disks = new Map<string, DiskReads>();
    for (const { vm, file, bytes, requests } of this.#readers.values()) {
      const sum = disks.get(`${vm} ${file}`) ?? { vm, file, bytes: 0, requests: 0, readers: 0 };
      const more = { bytes: sum.bytes + bytes, requests: sum.requests + requests, readers: sum.readers + 1 };
      disks.set(`${vm} ${file}`, { vm, file, ...more });
    }
    return [...disks.values()];
  }

  close(): void {
    this.#socket.close();
    this.#server.close();
  }
}

/** `reader vm bytes requests file`; undefined for anything else. */
function parse(datagram: string): Reader | undefined {
  const match = /^([0-9a-f]{16}) (\S+) (\d+) (\d+) (.+)$/s.exec(datagram);
  if (!match) return undefined;
  const [, reader = '', vm = '', bytes, requests, file = ''] = match;
  return { reader, vm, bytes: Number(bytes), requests: Number(requests), file };
}
