import { Disk, type Range } from '@tranship/blocks';
import { NbdClient } from '@tranship/nbd';
import { systemClock } from '@tranship/service-kit';
import { Nbdkit } from '../services/transfer/adapters/nbdkit.ts';
import { type VddkRequest, vddkArguments } from '../services/transfer/domain/vddk.ts';
import { oneInFlight } from './one-in-flight.ts';

/** What the importer's pod is told; no secret, but where it lies. */
export interface ImporterErrand {
  readonly source: VddkRequest;
  readonly sizeBytes: number;
  readonly ranges: readonly Range[];
}

// Runs in the importer's pod: one pass over one disk, one request in flight, as CDI's importer does it.
const { source, sizeBytes, ranges } = JSON.parse(process.argv[2]!) as ImporterErrand;
const server = await Nbdkit.start(vddkArguments(source), AbortSignal.timeout(60_000), systemClock);
const opened = await NbdClient.connect({ socket: server.socket });
const sink = await Disk.file('/disk/disk.img', sizeBytes);
await oneInFlight(opened, sink, ranges);
await sink.close();
await opened.close();
await server.stop();
