import { readFile } from 'node:fs/promises';
import { TranshipError } from '@tranship/contracts';
import type { Kit, ServiceTable } from '@tranship/service-kit';
import { accessLog } from './adapters/access-log.ts';
import { httpServer } from './adapters/http/server.ts';
import { MapLog } from './adapters/map-log.ts';
import { tokensFile } from './adapters/tokens-file.ts';
import type { GatewayConfig } from './config.ts';
import { endpoints } from './endpoints.ts';
import { getNetworkMap } from './handlers/get-network-map.ts';
import { getStorageMap } from './handlers/get-storage-map.ts';
import type { World } from './ports.ts';

/** gateway: the only door for people. It forwards; only maps are its own. */
export async function gateway(config: GatewayConfig, kit: Kit): Promise<ServiceTable> {
  const { bus, clock, log } = kit;
  const world: World = {
    ask: kit.query,
    events: bus.events,
    object: (name) => bus.objects.get(name),
    onProgress: (filter, handler, signal) => bus.onProgress(filter, handler, signal),
    clock,
    log,
  };
  const maps = new MapLog(world);
  const ready = () => bus.connected && maps.ready;
  const accesses = accessLog(world);
  const { app, streams } = httpServer({
    endpoints: endpoints(world, maps),
    tokens: await tokensFile(config.tokensFile, clock, log),
    accesses,
    clock,
    log,
    ready,
    tls: await tls(config),
  });
  const address = await app.listen({ host: config.listenHost, port: config.listenPort });
  log.info({ address }, 'listening');
  return {
    queries: {
      getNetworkMap: getNetworkMap(maps.of('NetworkMap')),
      getStorageMap: getStorageMap(maps.of('StorageMap')),
    },
    background: { maps: (signal) => maps.follow(signal), accesses: (signal) => accesses.settle(signal) },
    ready,
    stop: async () => {
      streams.close();
      await app.close();
    },
  };
}

async function tls({ tlsCertFile, tlsKeyFile }: GatewayConfig): Promise<{ cert: string; key: string } | undefined> {
  if (tlsCertFile === undefined && tlsKeyFile === undefined) return undefined;
  if (tlsCertFile === undefined || tlsKeyFile === undefined)
    throw new TranshipError('document.invalid', 'tlsCertFile and tlsKeyFile: give both or none');
  const [cert, key] = await Promise.all([readFile(tlsCertFile, 'utf8'), readFile(tlsKeyFile, 'utf8')]);
  return { cert, key };
}
