import { type Plan, type Room, type SourceVm, TranshipError, type Validation } from '@tranship/contracts';
import type { Kit } from '@tranship/service-kit';
import { hasSnapshots } from '../domain/rehearsal.ts';
import type { Maps } from '../domain/resolve.ts';
import type { TargetFacts } from '../domain/rule.ts';
import { type Candidate, validate } from '../domain/validate.ts';

/** All that a decision about a plan needs of the other services, asked at once. */
export interface Survey {
  readonly candidates: Candidate[];
  readonly maps: Maps;
  readonly validation: Validation;
}

export async function survey(plan: Plan, query: Kit['query']): Promise<Survey> {
  const { source, vms, target } = plan.spec;
  const refs = vms.map(({ name, id, path }) => ({ name, id, path }));
  const [{ matches }, maps, facts, provider] = await Promise.all([
    query('findVms', { provider: source, refs }),
    mapsOf(plan, query),
    // A target that does not answer must not hide the concerns of the source.
    query('targetFacts', { namespace: target.namespace, secrets: secretsIn(plan) }).catch(
      (): TargetFacts | undefined => undefined,
    ),
    query('getProvider', { name: source }),
  ]);
  const rooms = hasSnapshots(plan) ? await roomsOf(source, matches.flat(), query) : [];
  const candidates = vms.map((entry, i) => ({ entry, matches: matches[i] ?? [] }));
  const { method } = provider.spec.transfer;
  return { candidates, maps, validation: validate(plan, candidates, maps, facts, method, rooms) };
}

const secretsIn = ({ spec: { vms } }: Plan) => [...new Set(vms.flatMap(({ luks }) => luks?.secret ?? []))];

/** What cannot be told now is asked again before each snapshot. */
async function roomsOf(provider: string, vms: readonly SourceVm[], query: Kit['query']): Promise<Room[]> {
  const asked = query('room', { provider, vms: vms.map(({ id }) => id) });
  return asked.then(({ rooms }) => rooms).catch(() => []);
}

async function mapsOf(plan: Plan, query: Kit['query']): Promise<Maps> {
  const { networkMap, storageMap, source } = plan.spec;
  const named = <T extends { spec: { source: string } }>(map: T, name: string): T => {
    if (map.spec.source === source) return map;
    throw new TranshipError(
      'document.invalid',
      `the map ${name} is for the source ${map.spec.source}, the plan for ${source}`,
    );
  };
  const [networks, storage] = await Promise.all([
    typeof networkMap === 'string'
      ? query('getNetworkMap', { name: networkMap }).then((map) => named(map, networkMap).spec.entries)
      : networkMap.entries,
    typeof storageMap === 'string'
      ? query('getStorageMap', { name: storageMap }).then((map) => named(map, storageMap).spec.entries)
      : storageMap.entries,
  ]);
  return { networks, storage };
}
