import type { Room, SourceVm } from '@tranship/contracts';
import type { Start } from './domain/starts.ts';
import type { ChangeWindow, NamedSnapshot, TrackedDisk } from './domain/tracking.ts';

/** A VM as vCenter shows it at this moment. */
export interface VmNow {
  readonly disks: readonly TrackedDisk[];
  readonly tracking: boolean;
  readonly snapshots: readonly NamedSnapshot[];
  readonly consolidationNeeded: boolean;
}

/** Power, at one vCenter. */
export interface PowerSource {
  /** Read now, from vCenter itself. */
  power(vm: string): Promise<{ powerState: SourceVm['powerState']; toolsRunning: boolean }>;
  /** The newest that vCenter knows of. */
  lastStart(vm: string): Promise<Start | undefined>;
  shutdownGuest(vm: string): Promise<void>;
  powerOff(vm: string): Promise<void>;
  powerOn(vm: string): Promise<void>;
}

/** Snapshots and what changed between them. Tasks are waited for until the signal aborts. */
export interface PointSource extends Pick<PowerSource, 'power' | 'lastStart'> {
  look(vm: string): Promise<VmNow>;
  /** How much room snapshots of these VMs find, read now. */
  rooms(vms: readonly string[]): Promise<Room[]>;
  /** Returns when no task of the VM runs. */
  idle(vm: string, signal: AbortSignal): Promise<void>;
  setTracking(vm: string, on: boolean): Promise<void>;
  /** Without memory, not quiesced; gives its id. */
  createSnapshot(vm: string, name: string, signal: AbortSignal): Promise<string>;
  snapshotDisks(snapshot: string): Promise<TrackedDisk[]>;
  /** This one alone; its files are merged. */
  removeSnapshot(snapshot: string, signal: AbortSignal): Promise<void>;
  consolidate(vm: string, signal: AbortSignal): Promise<void>;
  /** What changed from `start` on; the answer says how far it reaches. Without a snapshot: of a VM that is off. */
  changedAreas(
    vm: string,
    disk: { key: number; changeId: string; start: number; snapshot?: string | undefined },
  ): Promise<ChangeWindow>;
}

/** What the steps need of one vCenter. */
export type Source = PowerSource & PointSource;
