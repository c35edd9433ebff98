import { readFileSync } from 'node:fs';
import { type SourceVm, sourceVmSchema, type Validation, validationSchema } from '@tranship/contracts';
import type { Api } from '../../cli/index.ts';
import type { Lab } from '../../lab/state.ts';

const provider = 'vc1';
const free = { parse: (value: unknown) => value as Record<string, string> };
const readyMs = 60_000;

const document = (kind: string, name: string, spec: unknown) => ({
  apiVersion: 'tranship.dev/v1',
  kind,
  metadata: { name },
  spec,
});

const put = (api: Api, plural: string, body: ReturnType<typeof document>) =>
  api.send('PUT', [plural, body.metadata.name], free, { body });

/** Credential and provider; waits until its inventory is whole. */
export async function addProvider(api: Api, { vcsim }: Lab): Promise<SourceVm[]> {
  const password = readFileSync(vcsim.passwordFile, 'utf8');
  await api.send('POST', ['secrets'], free, { body: { name: provider, username: vcsim.username, password } });
  const spec = {
    type: 'vsphere',
    url: vcsim.url,
    credentials: { secret: provider },
    tls: { ca: readFileSync(vcsim.caFile, 'utf8'), thumbprint: vcsim.thumbprint },
  };
  await put(api, 'providers', document('Provider', provider, spec));
  const end = Date.now() + readyMs;
  for (;;) {
    const vms = await vmsOf(api).catch(() => []);
    if (vms.length > 0) return vms;
    if (Date.now() > end) throw new Error(`the inventory was not there within ${readyMs / 1000} s`);
    await new Promise((done) => setTimeout(done, 200));
  }
}

export const vmsOf = (api: Api): Promise<SourceVm[]> =>
  api.list(['providers', provider, 'inventory', 'vms'], sourceVmSchema);

/** Warm: passes every 15 s while the sources run, and the cutover as soon as its forecast is known and fits. */
const kinds = {
  cold: { type: 'cold' },
  warm: { type: 'warm', precopy: { interval: '15s' }, cutover: { mode: 'budget', downtimeBudget: '10m' } },
} as const;

const spec = (vms: readonly string[], kind: keyof typeof kinds) => ({
  source: provider,
  target: { provider: 'host', namespace: 'apps' },
  ...kinds[kind],
  networkMap: {
    entries: ['VM Network', 'vlan21'].map((name) => ({
      source: { name },
      target: { type: 'multus', name: 'apps/vlan21' },
    })),
  },
  storageMap: { entries: [{ source: { name: 'fast-ds' }, target: { storageClass: 'fast' } }] },
  vms: vms.map((name) => ({ name })),
});

/** What a plan for every VM would have to say; it is not stored. */
export function wholePlan(api: Api, vms: readonly SourceVm[]): Promise<Validation> {
  const body = document(
    'Plan',
    'everything',
    spec(
      vms.map(({ name }) => name),
      'cold',
    ),
  );
  return api.send('POST', ['validate'], validationSchema, { body });
}

export const movePlan = (api: Api, vms: readonly string[], kind: keyof typeof kinds) =>
  put(api, 'plans', document('Plan', 'demo', spec(vms, kind)));

export async function startMigration(api: Api): Promise<string> {
  const { migration } = await api.send('POST', ['plans', 'demo', 'start'], free);
  return migration!;
}
