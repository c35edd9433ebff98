import { BusConflict } from '@tranship/bus';
import { type Provider, type QueryResult, subjects, TranshipError, type TranshipEvent } from '@tranship/contracts';
import type { Kit, ServiceTable } from '@tranship/service-kit';
import { fetchCertificate } from '@tranship/vsphere';
import type { Providers } from '../adapters/providers.ts';
import { essence, foldStored, nothing, type Stored, toStore } from '../domain/stored.ts';
import { testProvider } from './test-provider.ts';

type Queries = NonNullable<ServiceTable['queries']>;
const tries = 5;

/** Providers: stored, read, tested. */
export function providerQueries(providers: Providers, kit: Kit): Queries {
  return {
    putProvider: (provider) => putProvider(providers, kit, provider),
    getProvider: async ({ name }) => providers.describe(providers.find(name).provider),
    listProviders: async () => ({ items: providers.list() }),
    deleteProvider: async ({ name, resourceVersion }) => {
      await deleteProvider(kit, name, resourceVersion);
      return {};
    },
    testProvider: async ({ name }) => ({ checks: await testProvider(providers.find(name), () => kit.clock.now()) }),
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

/** What a document may say, and nobody can do yet. */
function refuseOthers({ spec: { type, endpoint } }: Provider): void {
  const refuse = (path: string, what: string) => {
    throw new TranshipError('document.invalid', `${path}: ${what}`, { path });
  };
  if (type !== 'vsphere') refuse('spec.type', `${type} is no source yet, and the target "host" needs no Provider`);
  if (endpoint !== 'vcenter')
    refuse('spec.endpoint', `${endpoint} is no source yet: give the URL of the vCenter that manages the host`);
}

async function putProvider(providers: Providers, kit: Kit, provider: Provider): Promise<Provider> {
  const { name, resourceVersion: wanted } = provider.metadata;
  refuseOthers(provider);
  const { provider: stored } = await change(kit, name, (before) => {
    mustBe(name, before.provider?.metadata.resourceVersion ?? '0', wanted);
    if (before.provider && essence(before.provider) === essence(provider)) return;
    return { type: 'provider.added', data: toStore(before, provider) };
  });
  return providers.describe(stored!);
}

/** Refused also while the planner cannot say whether somebody needs it: without it a source that is off stays off. */
async function deleteProvider(kit: Kit, name: string, wanted: string | undefined): Promise<void> {
  const { uses } = await kit.query('providerUses', { name });
  if (uses.length > 0) throw new TranshipError('provider.in-use', tellUses(uses));
  await change(kit, name, ({ provider }) => {
    if (!provider) throw new TranshipError('document.not-found', `there is no provider ${name}`);
    mustBe(name, provider.metadata.resourceVersion, wanted);
    return { type: 'provider.removed', data: {} };
  });
}

function mustBe(name: string, version: string | undefined, wanted: string | undefined): void {
  if (wanted !== undefined && wanted !== version)
    throw new TranshipError('document.conflict', `the Provider ${name} has the version ${version}, not ${wanted}`);
}

const maxTold = 5;

function tellUses(uses: QueryResult<'providerUses'>['uses']): string {
  const told = uses
    .slice(0, maxTold)
    .map(({ migration, vm, kept }) =>
      kept ? `the copy of ${vm} is kept by ${migration}` : `${vm} is moved by ${migration}`,
    );
  return `${told.join(', ')}${uses.length > maxTold ? ` and ${uses.length - maxTold} more` : ''}`;
}

/** What is said of a provider's state lies among its changes: whom that overtakes reads again, and decides again. */
async function change(kit: Kit, name: string, decide: (before: Stored) => TranshipEvent | undefined): Promise<Stored> {
  const subject = subjects.event('provider', name);
  for (let left = tries; left > 0; left--) {
    const { events, seq } = await kit.bus.events.readSubject(subject);
    const before = events.reduce<Stored>(foldStored, nothing);
    const event = decide(before);
    if (!event) return before;
    const time = new Date(kit.clock.now());
    try {
      const last = await kit.bus.events.append(subject, [event], seq, { source: 'tranship/inventory', time });
      return foldStored(before, { ...event, seq: last, time: time.toISOString() });
    } catch (error) {
      if (!(error instanceof BusConflict)) throw error;
    }
  }
  throw new TranshipError('document.conflict', `others change the Provider ${name} all the time`);
}
