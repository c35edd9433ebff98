import { mkdirSync, openSync, readFileSync, readSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { type BlockSource, Disk, Ledger, type PassRequest, prove, type Range, runPass } from '@tranship/blocks';
import { NbdClient } from '@tranship/nbd';
import { memoryFor } from '../services/transfer/domain/memory.ts';
import { oneInFlight } from './one-in-flight.ts';

/** What the mover's process is asked to do, as the transfer service does it: over one connection a disk; it says how long that took. */
export interface Errand {
  readonly disks: readonly { readonly socket: string; readonly target: string }[];
  readonly scratch: string;
  readonly request: PassRequest;
  /** A file with the ranges of a delta. */
  readonly ranges?: string;
  /** Without checksums: for what they cost. */
  readonly unsummed?: boolean;
  /** The pass is proven as well, and how long that took told apart: `proofMs`. */
  readonly prove?: boolean;
  /** As others read changed areas. */
  readonly oneInFlight?: boolean;
  /** Instead of the source's server a file at hand, for the one disk: what the target itself takes. */
  readonly atHand?: string;
}

const errand = JSON.parse(await text(process.stdin)) as Errand;
const { ranges: listed, unsummed, scratch, request } = errand;
const ranges: Range[] = listed ? JSON.parse(readFileSync(listed, 'utf8')) : [];
// All leaves as if they held data: without sums nothing tells zeros.
const sum = (data: Buffer) => Buffer.alloc(Math.ceil(data.length / 65_536) * 4, 1);
const fd = errand.atHand === undefined ? undefined : openSync(errand.atHand, 'r');
const atHand = (source: BlockSource): BlockSource => ({
  size: source.size,
  extents: (offset, length) => source.extents(offset, length),
  read: async (offset, target) => void readSync(fd!, target, 0, target.length, offset),
});
const tuning = { ...memoryFor(errand.disks.length), ...(unsummed ? { sum } : {}) };
mkdirSync(scratch, { recursive: true });

let proofMs = 0;
async function move(socket: string, target: string, disk: number): Promise<void> {
  const source = await NbdClient.connect({ socket });
  const sizeBytes = source.size;
  const sink = await Disk.file(target, sizeBytes);
  if (errand.oneInFlight) await oneInFlight(source, sink, ranges);
  else {
    const ledger = await Ledger.open(scratch, { vm: 'vm', disk, key: 2000 + disk, sizeBytes });
    const opened = async () => (fd === undefined ? source : atHand(source));
    await runPass({ source: opened, sink, ledger, sizeBytes, request, ranges, tuning });
    const proofBegan = performance.now();
    if (errand.prove) await prove({ sink, ledger, sizeBytes, pass: request.pass });
    proofMs += performance.now() - proofBegan;
    await ledger.close();
  }
  await sink.close();
  await source.close();
}

let rss = 0;
const watch = setInterval(() => {
  rss = Math.max(rss, process.memoryUsage.rss());
}, 20);
const [cpu, began] = [process.cpuUsage(), performance.now()];
await Promise.all(errand.disks.map(({ socket, target }, disk) => move(socket, target, disk)));
const { user, system } = process.cpuUsage(cpu);
const ms = performance.now() - began - proofMs;
clearInterval(watch);
console.log(JSON.stringify({ ms, proofMs, cpuMs: (user + system) / 1000, rssMb: rss / 1024 / 1024 }));
