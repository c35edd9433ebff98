import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import type { Told } from '../../domain/changes.ts';
import type { Volume } from '../../domain/volumes.ts';
import type { OpenDisk } from '../disks.ts';
import { createLayer, differences, type Layer } from '../layer.ts';
import type { LuksKey } from '../luks-keys.ts';
import { byKvm, environment, memoryFor } from './environment.ts';
import { Failed, Fish } from './fish.ts';
import { quote } from './words.ts';

const launchMs = 600_000;
/** No guest takes longer; the step has a deadline of its own besides. */
const lifeMs = 1_800_000;
/** A passphrase takes seconds of all cores of the guest's own machine: here minutes where there is no KVM. */
const openMs = 900_000;

/** A layer with the disk that it is of. */
export interface DiskLayer extends Layer {
  readonly disk: number;
}

type Given = Pick<Appliance, 'why' | 'byV2v' | 'keys'>;

/**
 * A small virtual machine of libguestfs over layers of the guest's disks: its kernel, not the node's, reads and writes the
 * guest's file systems. The disks stay as they are; no program of the guest is run.
 */
export class Appliance {
  readonly folder: string;
  readonly layers: readonly DiskLayer[];
  readonly #disks: readonly OpenDisk[];
  readonly signal: AbortSignal;
  /** Why the guest is reached through it. */
  readonly why: string;
  /** The layers hold the guest as virt-v2v has converted it. */
  readonly byV2v: boolean;
  /** What virt-v2v has changed in them. */
  made: readonly Told[] = [];
  /** Of the guest's encrypted volumes. */
  readonly keys: readonly LuksKey[];
  readonly #stop = new AbortController();
  #fish: Fish | undefined;
  #mounted: string | undefined;
  /** Devices of what was opened, in the order in which it was: one may lie within the one before. */
  readonly #opened: string[] = [];
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(folder: string, disks: readonly OpenDisk[], { why, byV2v, keys }: Given, signal: AbortSignal) {
    this.folder = folder;
    this.why = why;
    this.byV2v = byV2v;
    this.keys = keys;
    this.#disks = disks;
    this.signal = AbortSignal.any([signal, this.#stop.signal, AbortSignal.timeout(lifeMs)]);
    this.layers = disks.map(({ index, path }) => ({
      ...{ disk: index, path, offset: 0 },
      file: join(folder, `disk-${index}.qcow2`),
    }));
  }

  /** Layers over the disks; the machine itself starts when it is first asked. */
  static async over(
    disks: readonly OpenDisk[],
    given: Given,
    scratch: string,
    signal: AbortSignal,
  ): Promise<Appliance> {
    mkdirSync(scratch, { recursive: true });
    const appliance = new Appliance(mkdtempSync(join(scratch, 'appliance-')), disks, given, signal);
    for (const layer of appliance.layers) await createLayer(layer, undefined, signal);
    return appliance;
  }

  /** Throws `guest.conversion` where it does not come up. */
  start(): Promise<void> {
    return byKvm(async (kvm) => {
      await this.#fish?.close();
      const fish = new Fish(environment(this.folder, kvm, memoryFor(this.keys)), this.signal);
      this.#fish = fish;
      for (const { file } of this.layers)
        await fish.ask('add-drive', [quote(file), 'format:qcow2', 'cachemode:unsafe', 'discard:disable']);
      await fish.ask('launch', [], launchMs);
    });
  }

  /** What the appliance calls a volume. */
  deviceOf({ disk, partition, lv, opened }: Volume): string {
    if (opened) return `/dev/mapper/${opened.as}`;
    if (lv) return `/dev/${lv.group}/${lv.name}`;
    return `/dev/sd${letters(this.#disks.findIndex(({ index }) => index === disk))}${partition?.number ?? ''}`;
  }

  /** One command, with no file system mounted. */
  ask(command: string, ...args: readonly string[]): Promise<string> {
    return this.#inTurn(async (fish) => {
      await this.#mount(fish, undefined);
      return fish.ask(command, args);
    });
  }

  /** Opens an encrypted device by a name of our own; or says why it does not. */
  async open(device: string, name: string, key: LuksKey): Promise<string | undefined> {
    try {
      await this.#inTurn(async (fish) => {
        await this.#mount(fish, undefined);
        await fish.ask('cryptsetup-open', [quote(device), quote(name)], openMs, key.reveal());
      });
    } catch (error) {
      if (error instanceof Failed) return error.detail.replace(/^.*: cryptsetup exited with status \d+: /, '');
      throw error;
    }
    this.#opened.push(`/dev/mapper/${name}`);
    return undefined;
  }

  /** Commands with one file system mounted: links in it lead within it. */
  within<T>(device: string, options: string, use: (fish: Fish) => Promise<T>): Promise<T> {
    return this.#inTurn(async (fish) => {
      await this.#mount(fish, `${quote(options)} ${quote(device)}`);
      return use(fish);
    });
  }

  /** Unmounts, closes what was opened and ends it: the layers are whole, and may be given to another, or started anew. */
  async pause(): Promise<void> {
    await this.#inTurn(async (fish) => {
      await this.#mount(fish, undefined);
      for (const device of this.#opened.splice(0).reverse()) await close(fish, device);
      await fish.end();
    });
    this.#fish = undefined;
  }

  /** The same; gives the layers that differ from their disks. */
  async settle(): Promise<{ layer: DiskLayer; changed: Awaited<ReturnType<typeof differences>> }[]> {
    await this.pause();
    const found = [];
    for (const layer of this.layers) {
      const changed = await differences(layer, this.signal);
      if (changed.length > 0) found.push({ layer, changed });
    }
    return found;
  }

  /** Ends it, whatever it does, and removes its layers. */
  async close(): Promise<void> {
    await this.#fish?.close();
    this.#stop.abort();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #mount(fish: Fish, wanted: string | undefined): Promise<void> {
    if (this.#mounted === wanted) return;
    if (this.#mounted !== undefined) await fish.ask('umount-all');
    this.#mounted = undefined;
    if (wanted !== undefined) await fish.ask('mount-options', [wanted, '/']);
    this.#mounted = wanted;
  }

  #inTurn<T>(use: (fish: Fish) => Promise<T>): Promise<T> {
    const work = this.#turn.then(() => {
      if (!this.#fish) throw new TranshipError('service.internal', 'the appliance was asked while it did not run');
      return use(this.#fish);
    });
    this.#turn = work.catch(() => {});
    return work;
  }
}

/** Takes volume groups down that may lie within, but for volumes of theirs that something is still open in. */
async function close(fish: Fish, device: string): Promise<void> {
  await fish.ask('vg-activate-all', ['false']).catch((error) => {
    if (!(error instanceof Failed)) throw error;
  });
  await fish.ask('cryptsetup-close', [quote(device)]);
}

/** `a` … `z`, `aa` …, as Linux counts disks. */
function letters(index: number): string {
  const last = String.fromCharCode(97 + (index % 26));
  return index < 26 ? last : letters(Math.floor(index / 26) - 1) + last;
}
