import type { Connection, PassDisk, TranshipError, Via } from '@tranship/contracts';

/** What decides how a disk is read. */
export interface Wanted {
  readonly connection: Pick<Connection, 'method'>;
  readonly snapshot?: string | undefined;
  readonly how: PassDisk['how'];
  readonly begun?: Via | undefined;
  /** It will be read whole once more. */
  readonly twice?: boolean;
}

/** By which method a disk is opened first. A pass goes on as it began. */
export function firstChoice({ connection, begun }: Wanted): Via {
  if (begun) return begun;
  if (connection.method !== 'auto') return { method: connection.method, why: 'as the provider says' };
  return { method: 'vddk', why: 'auto: it reads many places at once, and what changed' };
}

/**
 * What is tried when that failed, before anything was read; undefined: nothing. An export gives whole disks of a VM that
 * is off, and needs the same credentials, the same server and the same sessions as the disk library.
 */
export function secondChoice(wanted: Wanted, error: TranshipError, libraryWorks: boolean): Via | undefined {
  const { connection, begun, snapshot, how, twice } = wanted;
  if (connection.method !== 'auto' || begun || snapshot !== undefined || how === 'delta' || twice) return undefined;
  if (libraryWorks || error.code !== 'transfer.open') return undefined;
  return { method: 'nfc', why: `auto: vddk does not open the disk: ${error.detail.slice(0, 200)}` };
}
