import type { Kept, Ledger, Range, Sink, Source } from '@tranship/blocks';
import type { Connection, Grade, PassDisk, TargetDisk, Via } from '@tranship/contracts';

export type SourceDisk = Source & {
  close(): Promise<void>;
  /** The file that it was opened at, where that is not the one that was asked for. */
  readonly movedTo?: string;
};

/** What is read of one VM's disk: at a snapshot, or of a powered-off VM as it is. */
export interface SourceRequest {
  readonly connection: Connection;
  readonly vm: string;
  /** The virtual device, e.g. 2000. */
  readonly key: number;
  readonly file: string;
  readonly snapshot?: string | undefined;
  readonly how: PassDisk['how'];
  /** How the part of the pass that is done was read; undefined: nothing is done yet. */
  readonly begun?: Via | undefined;
  /** It will be read whole once more. */
  readonly twice?: boolean;
}

export type OpenSource = (request: SourceRequest, signal: AbortSignal) => Promise<SourceDisk>;

export interface Volumes {
  /** The target disk, to be written. */
  open(disk: TargetDisk): Promise<Sink>;
  /** As it is, to be read. */
  existing(disk: TargetDisk): Promise<Sink>;
  ledger(vm: string, disk: TargetDisk, grade: Grade): Promise<Ledger>;
}

/** Ledgers kept apart from their scratch volume: how the last proof left them. */
export interface Ledgers {
  /** Gives its name; undefined where it is too large to be kept. */
  put(ledger: Ledger): Promise<string | undefined>;
  /** Undefined where it is not there whole. */
  get(name: string): Promise<Kept | undefined>;
  /** Removes what none of these names needs. */
  prune(names: readonly string[]): Promise<void>;
}

export interface Ports {
  readonly volumes: Volumes;
  /** Chooses the method, and says which. */
  readonly openSource: (request: SourceRequest, signal: AbortSignal) => Promise<SourceDisk & { readonly via: Via }>;
  /** What changed, by the name of the object that lists it. */
  readonly areas: (name: string) => Promise<readonly Range[]>;
  /** What may be read of the source now, bytes a second; null: nothing limits it. */
  readonly limit: () => Promise<number | null>;
  readonly ledgers: Ledgers;
}
