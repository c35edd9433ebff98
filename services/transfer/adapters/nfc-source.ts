import { type StreamPiece, vmdkStream } from '@tranship/blocks';
import type { Clock } from '@tranship/service-kit';
import { ExportLease, type VSphere } from '@tranship/vsphere';
import type { Config } from '../config.ts';
import type { OpenSource, SourceRequest } from '../ports.ts';
import { readOf, vcenterOf } from './vcenter.ts';

/** The lease is one for all disks of a VM; whoever reads the last one gives it back. */
interface Export {
  readonly client: VSphere;
  readonly lease: Promise<ExportLease>;
  /** How far each disk is read, bytes, by its device key. */
  readonly read: Map<number, number>;
  holders: number;
  /** No reading has failed. */
  whole: boolean;
}

/** Downloads a VM's disks as vCenter exports them, each once and in order; the lease is told how far they are read. */
export function nfcSource(config: Config, clock: Clock): OpenSource {
  const exports = new Map<string, Export>();

  const begin = (request: SourceRequest, signal: AbortSignal): Export => {
    const client = vcenterOf(config, request.connection);
    const read = new Map<number, number>();
    let totalBytes = 0;
    const percent = () => {
      const done = [...read.values()].reduce((sum, bytes) => sum + bytes, 0);
      return totalBytes === 0 ? 0 : Math.min(100, Math.floor((done / totalBytes) * 100));
    };
    const lease = ExportLease.open(client, readOf(request), {
      percent,
      signal,
      sleep: (ms, until) => clock.sleep(ms, until),
    }).then((opened) => {
      totalBytes = opened.totalBytes;
      return opened;
    });
    return { client, lease, read, holders: 0, whole: true };
  };

  return async (request, signal) => {
    const id = `${request.vm}/${request.snapshot ?? ''}`;
    const found = exports.get(id) ?? begin(request, signal);
    exports.set(id, found);
    found.holders++;
    const forget = () => {
      if (exports.get(id) === found) exports.delete(id);
    };
    const over = new AbortController();
    let whole = false;
    const release = async () => {
      if (over.signal.aborted) return;
      over.abort();
      found.whole &&= whole;
      if (--found.holders > 0) return;
      forget();
      await found.lease.then((lease) => lease.end(found.whole ? 'complete' : 'abort')).catch(() => {});
      await found.client.close();
    };
    try {
      const lease = await found.lease;
      lease.lost.addEventListener('abort', forget, { once: true });
      const { size, pieces } = await vmdkStream(
        await lease.download(request.key, AbortSignal.any([signal, over.signal])),
      );
      async function* counted(): AsyncGenerator<StreamPiece> {
        for await (const piece of pieces()) {
          found.read.set(request.key, piece.offset);
          yield piece;
        }
        found.read.set(request.key, size);
        whole = true;
      }
      return { size, pieces: counted, close: release };
    } catch (error) {
      await release();
      throw error;
    }
  };
}
