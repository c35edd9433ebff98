import { BusConflict } from '@tranship/bus';
import { type Check, type Provider, subjects, TranshipError } from '@tranship/contracts';
import type { Kit, ServiceTable } from '@tranship/service-kit';
import { fetchCertificate } from '@tranship/vsphere';
import type { Providers } from '../adapters/providers.ts';

type Queries = NonNullable<ServiceTable['queries']>;
/** A clock that is off by more breaks certificates and tokens. */
const maxSkewMs = 60_000;

/** Providers: stored, read, tested. */
export function providerQueries(providers: Providers, kit: Kit): Queries {
  return {
    putProvider: (provider) => putProvider(providers, kit, provider),
    getProvider: async ({ name }) => providers.describe(providers.find(name).provider),
    listProviders: async () => ({ items: providers.list() }),
    deleteProvider: async ({ name }) => {
      providers.find(name);
      await providers.append(name, { type: 'provider.removed', data: {} });
      return {};
    },
    testProvider: async ({ name }) => ({ checks: await test(providers, kit, name) }),
    fetchCa: ({ url }) => fetchCertificate(url),
    connection: async ({ name }) => {
      const { provider, client } = providers.find(name);
      const { spec } = provider;
      // By it the data path trusts whoever shows it, so it is taken from nobody whom the provider's trust refuses.
      const thumbprint = spec.tls.thumbprint ?? (await client.certificate()).thumbprint;
      const { method, libdir } = spec.transfer;
      return {
        provider: name,
        url: spec.url,
        thumbprint,
        secret: spec.credentials.secret,
        method,
        ...(libdir === undefined ? {} : { libdir }),
      };
    },
  };
}

async function putProvider(providers: Providers, kit: Kit, provider: Provider): Promise<Provider> {
  const { name } = provider.metadata;
  const { events, seq } = await kit.bus.events.readSubject(subjects.event('provider', name));
  const before = events.findLast((event) => event.type === 'provider.added')?.data as Provider | undefined;
  const gone =
    events.findLast((event) => event.type === 'provider.removed' || event.type === 'provider.added')?.type ===
    'provider.removed';
  if (before && !gone && JSON.stringify(before.spec) === JSON.stringify(provider.spec)) return before;
  const generation = (before?.metadata.generation ?? 0) + 1;
  const stored: Provider = { ...provider, metadata: { ...provider.metadata, generation } };
  try {
    await providers.append(name, { type: 'provider.added', data: stored }, seq);
  } catch (error) {
    if (error instanceof BusConflict)
      throw new TranshipError('document.conflict', `somebody else changed the provider ${name} just now`);
    throw error;
  }
  return stored;
}

/** Each check by itself; after the first that fails the later ones cannot be made. */
async function test(providers: Providers, kit: Kit, name: string): Promise<Check[]> {
  const center = providers.find(name);
  const { url } = center.provider.spec;
  const checks: Check[] = [];
  const attempt = async (title: string, work: () => Promise<string>): Promise<boolean> => {
    try {
      checks.push({ name: title, ok: true, detail: await work() });
      return true;
    } catch (error) {
      const { detail, fix } = TranshipError.from(error);
      checks.push({ name: title, ok: false, detail, fix });
      return false;
    }
  };
  const steps: [string, () => Promise<string>][] = [
    [
      'reachable',
      async () =>
        `${new URL(url).host} shows a certificate (SHA-256 ${(await fetchCertificate(url)).sha256.slice(0, 23)}…)`,
    ],
    ['certificate', () => certificate(center.provider, () => center.client.about())],
    ['login', async () => (await center.client.about()).fullName],
    ['time', async () => skew((await center.client.currentTime()) - kit.clock.now())],
    [
      'inventory',
      async () =>
        center.ready
          ? `${center.model.vms().length} VMs`
          : Promise.reject(new TranshipError('service.unavailable', 'it is still being read')),
    ],
  ];
  for (const [title, work] of steps) if (!(await attempt(title, work))) break;
  return checks;
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

function skew(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1000);
  if (Math.abs(ms) <= maxSkewMs) return `the clocks differ by ${seconds} s`;
  throw new TranshipError('vsphere.fault', `the clocks differ by ${seconds} s: set NTP on both`);
}
