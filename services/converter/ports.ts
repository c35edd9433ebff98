import type { Volume } from './domain/volumes.ts';

/** The word that transfer honours: a disk so marked is no longer what its ledger says. */
export interface Marks {
  isDiverged(disk: number): boolean;
  /** Durable before it returns. */
  markDiverged(disk: number): void;
  /** The disk is again, to its last byte, what it was before it was marked. */
  clearDiverged(disk: number): void;
}

export interface Entry {
  readonly name: string;
  /** With the bits of the type, as stat(2) has them. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
}

/** Extended attributes of a file, by name. */
export type Attributes = ReadonlyMap<string, Buffer>;

/** The files of one file system of the guest, read. Links on the way to a path lead within it, never to the host. */
export interface GuestFs {
  /** The entries of folders, by folder; folders that are not there are left out. */
  list(folders: readonly string[]): Promise<Map<string, Entry[]>>;
  /** Copies files of at most `maxBytes` out into a new folder, to be removed by who asked: path in the guest -> path here. Files that are not there are left out. */
  dump(files: readonly string[], maxBytes: number): Promise<{ folder: string; files: Map<string, string> }>;
  /** Extended attributes of files and folders; paths that have none are left out. */
  attributes(paths: readonly string[]): Promise<Map<string, Attributes>>;
}

/** One that is written, under an undo log, and checked as a whole. */
export interface WritableFs extends GuestFs {
  write(targets: readonly PlacedTarget[], undoLog: string): Promise<void>;
  /** Why these cannot be written, though the file system can be read; undefined: they can. Absent: nothing is known against it. */
  unwritable?(targets: readonly PlacedTarget[]): Promise<string | undefined>;
  /** What is wrong with it, or undefined. */
  check(): Promise<string | undefined>;
}

/** Opens the file system of a volume, of btrfs a subvolume (absent: the default one); undefined: it is not reached. */
export interface OpenVolume {
  (volume: Volume, subvolume?: string): WritableFs | undefined;
  /** The paths of the subvolumes of an open volume; absent: who opens tells none apart. */
  readonly subvolumes?: (volume: Volume) => Promise<string[]>;
}

/** What shall be at a path of the guest. */
export interface Target {
  readonly path: string;
  readonly what: { readonly file: string } | { readonly link: string } | 'folder';
  /** With the bits of the type. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly attributes: Attributes;
  /** What is there now. */
  readonly now?: Entry;
}

/** A target with its path on its own file system. */
export interface PlacedTarget extends Target {
  readonly inner: string;
}
