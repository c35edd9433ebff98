import { TranshipError } from '@tranship/contracts';
import type { VSphere } from './client.ts';
import type { Ref } from './control.ts';
import { chunksOf } from './download.ts';
import { toTranshipError, VimFault } from './faults.ts';
import { list, type Value } from './xml.ts';

export interface LeaseOptions {
  /** What of all the disks has been read, 0 to 100: told to vCenter as long as the lease stands. */
  readonly percent: () => number;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
}

interface Disk {
  readonly address: string;
  readonly thumbprint: string | undefined;
}
type Vim = Readonly<Record<string, Value | undefined>>;

/** A lease of somebody who died stands until its own time is over: five minutes, as vCenter has it. */
const busyForMs = 330_000;
const busyMs = 2_000;
const busy = new Set(['InvalidState', 'TaskInProgress']);
const readyMs = 300_000;
const answerMs = 60_000;
/** Told so often within the lease's time. */
const beats = 5;
const fewestMs = 500;
const silences = 3;

/** The right to download the disks of a VM that is off, or of a snapshot; as long as it stands, the VM cannot be started. */
export class ExportLease {
  /** Aborted, with the reason, when vCenter does not know it any more. */
  readonly lost: AbortSignal;
  readonly totalBytes: number;
  readonly #client: VSphere;
  readonly #ref: Ref;
  readonly #disks: ReadonlyMap<number, Disk>;
  readonly #loss = new AbortController();
  readonly #over = new AbortController();
  readonly #beating: Promise<void>;

  private constructor(client: VSphere, ref: Ref, info: Vim, places: ReadonlyMap<number, Place>, options: LeaseOptions) {
    this.#client = client;
    this.#ref = ref;
    this.#disks = disksOf(info, places);
    this.lost = this.#loss.signal;
    this.totalBytes = [...places.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    this.#beating = this.#beat(Number(info.leaseTimeout ?? 300) * 1000, options);
  }

  /** `of`: a VM, or a snapshot. Waits until the lease is ready. @throws TranshipError */
  static async open(client: VSphere, of: Ref, options: LeaseOptions): Promise<ExportLease> {
    const [read] = await client.read([of], ['config.hardware.device']);
    const places = placesOf(list(read?.properties['config.hardware.device']) as Vim[]);
    const ref = await ask(client, of, options);
    try {
      return new ExportLease(client, ref, await ready(client, ref, options), places, options);
    } catch (error) {
      await client.call(ref, 'HttpNfcLeaseAbort').catch(() => {});
      throw error;
    }
  }

  /** A disk's bytes as a stream-optimised VMDK, by its device key. @throws TranshipError */
  async download(key: number, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const disk = this.#disks.get(key);
    if (!disk) throw new TranshipError('transfer.open', `the export has no disk ${key}`, { retry: false });
    const both = AbortSignal.any([signal, this.lost]);
    return chunksOf(await this.#client.download(disk.address, disk.thumbprint, answerMs, both), `disk ${key}`, both);
  }

  /** Gives the VM free. `complete`: all was read that was wanted. Never throws: a lease that is not told ends by itself. */
  async end(how: 'complete' | 'abort'): Promise<void> {
    this.#over.abort();
    await this.#beating;
    const operation = how === 'complete' ? 'HttpNfcLeaseComplete' : 'HttpNfcLeaseAbort';
    if (!this.lost.aborted) await this.#client.call(this.#ref, operation).catch(() => {});
  }

  async #beat(timeoutMs: number, { percent, sleep }: LeaseOptions): Promise<void> {
    for (let unheard = 0; !this.#over.signal.aborted; ) {
      try {
        await this.#client.call(this.#ref, 'HttpNfcLeaseProgress', { percent: percent() });
        unheard = 0;
      } catch (error) {
        const { code, detail } = TranshipError.from(error);
        if (code !== 'vsphere.unreachable' || ++unheard === silences)
          return this.#loss.abort(new TranshipError('vsphere.session', `the export lease is lost: ${detail}`));
      }
      await sleep(Math.max(fewestMs, timeoutMs / beats), this.#over.signal).catch(() => {});
    }
  }
}

/** Asks for the lease; while another stands on the VM, again. */
async function ask(client: VSphere, of: Ref, { sleep, signal }: LeaseOptions): Promise<Ref> {
  const operation = of.type === 'VirtualMachine' ? 'ExportVm' : 'ExportSnapshot';
  for (let waitedMs = 0; ; waitedMs += busyMs) {
    try {
      return (await client.call(of, operation)) as unknown as Ref;
    } catch (error) {
      const { detail, cause } = TranshipError.from(error);
      const fault = cause instanceof VimFault ? cause.type : '';
      if (fault === 'InvalidPowerState') throw new TranshipError('source.contested', detail, { cause: error });
      if (!busy.has(fault) || waitedMs >= busyForMs) throw error;
    }
    await sleep(busyMs, signal);
  }
}

async function ready(client: VSphere, ref: Ref, { sleep, signal }: LeaseOptions): Promise<Vim> {
  for (let [pause, waitedMs] = [50, 0]; waitedMs < readyMs; waitedMs += pause, pause = Math.min(pause * 2, 2_000)) {
    const [read] = await client.read([ref], ['state', 'info', 'error']);
    const { state, info, error } = read?.properties ?? {};
    if (state === 'ready' && info !== undefined) return info as Vim;
    if (state === 'error') {
      const { fault, localizedMessage } = (error ?? {}) as { fault?: Vim; localizedMessage?: string };
      throw toTranshipError(new VimFault(String(fault?.$type ?? 'SystemError'), localizedMessage ?? ''), 'the export');
    }
    await sleep(pause, signal);
  }
  throw new TranshipError('vsphere.fault', `the export is not ready within ${readyMs / 1000} s`);
}

interface Place {
  /** As a lease names a disk: `ParaVirtualSCSIController0:1`. */
  readonly name: string;
  readonly bytes: number;
}

/** Where each disk hangs, by its device key. */
function placesOf(devices: readonly Vim[]): Map<number, Place> {
  const byKey = new Map(devices.map((device) => [Number(device.key), device]));
  const found = new Map<number, Place>();
  for (const { $type, key, controllerKey, unitNumber, capacityInBytes, capacityInKB } of devices) {
    if ($type !== 'VirtualDisk') continue;
    const controller = byKey.get(Number(controllerKey)) ?? {};
    const name = `${controller.$type}${controller.busNumber ?? 0}:${unitNumber ?? 0}`;
    found.set(Number(key), { name, bytes: Number(capacityInBytes ?? Number(capacityInKB ?? 0) * 1024) });
  }
  return found;
}

function disksOf(info: Vim, places: ReadonlyMap<number, Place>): Map<number, Disk> {
  const offered = new Map<string, Disk>();
  for (const { key, url, disk, sslThumbprint } of list(info.deviceUrl) as Vim[])
    if (String(disk) === 'true')
      offered.set(String(key).split('/').at(-1)!, {
        address: String(url),
        thumbprint: sslThumbprint === undefined ? undefined : String(sslThumbprint),
      });
  const found = new Map<number, Disk>();
  for (const [key, { name }] of places) {
    const disk = offered.get(name);
    if (disk) found.set(key, disk);
  }
  return found;
}
