import type { NetworkMap } from '@tranship/contracts';
import type { Resource } from '../ports.ts';

/** Query `getNetworkMap`. */
export const getNetworkMap =
  (maps: Resource<NetworkMap>) =>
  ({ name }: { name: string }): Promise<NetworkMap> =>
    maps.get(name);
