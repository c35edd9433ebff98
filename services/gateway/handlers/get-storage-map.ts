import type { StorageMap } from '@tranship/contracts';
import type { Resource } from '../ports.ts';

/** Query `getStorageMap`. */
export const getStorageMap =
  (maps: Resource<StorageMap>) =>
  ({ name }: { name: string }): Promise<StorageMap> =>
    maps.get(name);
