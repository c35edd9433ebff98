import { TranshipError } from '@tranship/contracts';
import type { Address as Server } from '@tranship/nbd';

export interface Address {
  readonly server: Server;
  readonly exportName: string;
}

const port = 10_809;

/** As the NBD project writes URIs. @throws TranshipError `guest.image` */
export function addressOf(uri: string): Address {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  const exportName = decodeURIComponent(url?.pathname.slice(1) ?? '');
  const socket = url?.searchParams.get('socket');
  if (url?.protocol === 'nbd+unix:' && socket) return { server: { socket }, exportName };
  if (url?.protocol === 'nbd:' && url.hostname !== '')
    return { server: { host: url.hostname, port: Number(url.port) || port }, exportName };
  throw new TranshipError(
    'guest.image',
    `${uri} is no NBD URI: nbd://HOST[:PORT]/EXPORT or nbd+unix:///EXPORT?socket=PATH`,
  );
}
