import type { BlockSource, Disk, Ledger } from '@tranship/blocks';
import type { Connection, TargetDisk } from '@tranship/contracts';

export interface SourceDisk extends BlockSource {
  close(): Promise<void>;
}

/** What is read of one VM's disk: at a snapshot, or of a powered-off VM as it is. */
export interface SourceRequest {
  readonly connection: Connection;
  readonly vm: string;
  readonly file: string;
  readonly snapshot?: string | undefined;
}

export interface Volumes {
  /** The target disk; its first `keepBytes` stay. `zeroed`: what follows reads as zeros. */
  open(disk: TargetDisk, keepBytes: number): Promise<{ disk: Disk; zeroed: boolean }>;
  ledger(vm: string, disk: TargetDisk, pass: number): Promise<Ledger>;
}

export interface Ports {
  readonly volumes: Volumes;
  readonly openSource: (request: SourceRequest, signal: AbortSignal) => Promise<SourceDisk>;
}
