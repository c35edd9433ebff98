import { plans, providers } from './adapters/asked.ts';
import type { Endpoint } from './adapters/http/endpoint.ts';
import type { MapLog } from './adapters/map-log.ts';
import { doctorEndpoints } from './handlers/doctor.ts';
import { documentEndpoints } from './handlers/documents.ts';
import { eventEndpoints } from './handlers/events.ts';
import { migrationEndpoints } from './handlers/migrations.ts';
import { planEndpoints } from './handlers/plans.ts';
import { providerEndpoints } from './handlers/providers.ts';
import { schemaEndpoints } from './handlers/schemas.ts';
import { secretEndpoints } from './handlers/secrets.ts';
import type { World } from './ports.ts';

/** The REST API: every path, and who answers it. */
export function endpoints(world: World, maps: MapLog): Endpoint[] {
  const { ask } = world;
  return [
    ...documentEndpoints({ kind: 'Provider', plural: 'providers', role: 'admin', resource: providers(ask) }),
    ...documentEndpoints({
      kind: 'NetworkMap',
      plural: 'network-maps',
      role: 'operator',
      resource: maps.of('NetworkMap'),
    }),
    ...documentEndpoints({
      kind: 'StorageMap',
      plural: 'storage-maps',
      role: 'operator',
      resource: maps.of('StorageMap'),
    }),
    ...documentEndpoints({ kind: 'Plan', plural: 'plans', role: 'operator', resource: plans(ask) }),
    ...providerEndpoints(ask),
    ...planEndpoints(ask),
    ...migrationEndpoints(world),
    ...secretEndpoints(ask),
    ...eventEndpoints(world),
    ...doctorEndpoints(ask),
    ...schemaEndpoints(),
  ];
}
