import { type Check, type Provider, type SourceHost, TranshipError } from '@tranship/contracts';
import { fetchCertificate } from '@tranship/vsphere';
import { rightsAt } from '../adapters/rights.ts';
import type { VCenter } from '../adapters/vcenter.ts';
import { type Answer, judge, sample, wantedFor } from '../domain/privileges.ts';

/** A clock that is off by more breaks certificates and tokens. */
const maxSkewMs = 60_000;

/** Each thing by itself: what reaches the vCenter, and then what its user may do there. `now`: our own clock. */
export async function testProvider(center: VCenter, now: () => number): Promise<Check[]> {
  const checks = await entrance(center);
  if (!checks.every(({ ok }) => ok)) return checks;
  const { provider, client } = center;
  checks.push(await attempt('time skew', async () => skew((await client.currentTime()) - now())));
  const read = await attempt('inventory', async () => {
    if (center.ready) return `${center.model.vms().length} VMs`;
    throw new TranshipError('service.unavailable', 'it is still being read');
  });
  checks.push(read);
  if (!read.ok) return checks;
  return [...checks, ...(await rights(center)), dataPath(provider, center.model.hosts())];
}

/** After the first that fails the later ones cannot be made. */
async function entrance({ provider, client }: VCenter): Promise<Check[]> {
  const { url } = provider.spec;
  const checks: Check[] = [];
  const steps: [string, () => Promise<string>][] = [
    [
      'reachable',
      async () =>
        `${new URL(url).host} shows a certificate (SHA-256 ${(await fetchCertificate(url)).sha256.slice(0, 23)}…)`,
    ],
    ['certificate', () => certificate(provider, () => client.about())],
    ['login', async () => `${(await client.about()).fullName}, as ${await client.user()}`],
  ];
  for (const [name, work] of steps) {
    const check = await attempt(name, work);
    checks.push(check);
    if (!check.ok) break;
  }
  return checks;
}

async function attempt(name: string, work: () => Promise<string | Check>): Promise<Check> {
  try {
    const told = await work();
    return typeof told === 'string' ? { name, ok: true, detail: told } : told;
  } catch (error) {
    const { detail, fix } = TranshipError.from(error);
    return { name, ok: false, detail, fix };
  }
}

/** Only a certificate that is not trusted fails here; a refused login is the next check's to tell. */
async function certificate(provider: Provider, open: () => Promise<unknown>): Promise<string> {
  try {
    await open();
  } catch (error) {
    if (TranshipError.from(error).code === 'vsphere.certificate') throw error;
  }
  const { thumbprint, ca, insecureSkipVerify } = provider.spec.tls;
  if (insecureSkipVerify) return 'NOT CHECKED (insecureSkipVerify)';
  return thumbprint
    ? 'its thumbprint is the one given'
    : ca
      ? 'signed by the CA given'
      : 'signed by a CA that this machine trusts';
}

function skew(ms: number): Check {
  const detail = `the clocks differ by ${Math.round(Math.abs(ms) / 1000)} s`;
  const ok = Math.abs(ms) <= maxSkewMs;
  return { name: 'time skew', ok, detail, ...(ok ? {} : { fix: 'Set NTP on vCenter and on the cluster’s nodes' }) };
}

/** Each privilege by its name, as vCenter itself says it of our session. */
async function rights({ provider, client, model }: VCenter): Promise<Check[]> {
  const { method } = provider.spec.transfer;
  const wanted = wantedFor(method);
  const { vms, places, folders } = sample(model.vms());
  let onVms: Answer[] = [];
  let atPlaces: Answer[] = [];
  const asked = await attempt('privileges', async () => {
    if (vms.length === 0) return nowhere(await client.user());
    const names = wanted.map(({ name }) => name);
    onVms = await rightsAt(client, vms, names);
    atPlaces = await rightsAt(client, places, ['System.Read']);
    const at = vms.length < folders ? `${vms.length} of ${folders} folders` : `each folder (${folders})`;
    return `asked at one VM of ${at}, and at ${places.length} hosts and datastores`;
  });
  if (onVms.length === 0) return [asked];
  const user = await client.user();
  const of = (name: string) => (name === 'System.Read' ? [...onVms, ...atPlaces] : onVms);
  return [asked, ...wanted.map((each) => judge(each, method, user, of(each.name)))];
}

const nowhere = (user: string): Check => ({
  ...{ name: 'privileges', ok: true, but: 'unchecked', detail: `${user} sees no VM to ask at` },
  fix: 'Give its role at the root folder with propagation, or at the folders of the VMs that move',
});

/** Bytes flow from hosts to workbenches, whose pods stand in another network than we do: a connection of ours would prove nothing. */
function dataPath({ spec: { transfer, url } }: Provider, hosts: readonly SourceHost[]): Check {
  const away = hosts.filter(({ connectionState, maintenance }) => connectionState !== 'connected' || maintenance);
  if (away.length > 0)
    return {
      ...{ name: 'data path', ok: true, but: 'warning' },
      detail: `disks cannot be read while their host is away: ${away.map(({ name }) => name).join(', ')}`,
      fix: 'Connect it again, end its maintenance, or move its VMs to another host',
    };
  const ports = { vddk: '902', nfc: '443', auto: '902 (vddk) or 443 (nfc)' }[transfer.method];
  return {
    ...{ name: 'data path', ok: true, but: 'unchecked' },
    detail: `not to be seen from here: workbenches reach ${new URL(url).host}, and ${hosts.length} hosts at TCP ${ports}`,
    fix: 'Open these from the network of the workbenches; the first pass of a migration tells (transfer.open)',
  };
}
