import { fieldsOf, type InventoryKind, type SourceVm, TranshipError } from '@tranship/contracts';
import type { ServiceTable } from '@tranship/service-kit';
import type { Providers } from '../adapters/providers.ts';
import { where } from '../domain/where.ts';

type Queries = NonNullable<ServiceTable['queries']>;
type Page = { provider: string; where?: string | undefined; limit: number; continue?: string | undefined };
type Reference = { name?: string | undefined; id?: string | undefined; path?: string | undefined };

/** Bytes of one page; NATS takes more, but a page is a page. */
const maxPageBytes = 256 * 1024;

/** The source model, page by page. */
export function inventoryQueries(providers: Providers): Queries {
  const page = (kind: InventoryKind) => async (request: Page) => {
    const wanted = request.where === undefined ? () => true : where(request.where, fieldsOf(kind));
    const rows: object[] = providers.synced(request.provider).model.records(kind);
    return cut(rows.filter(wanted), request) as never;
  };
  return {
    vms: page('vms'),
    hosts: page('hosts'),
    networks: page('networks'),
    datastores: page('datastores'),
    folders: page('folders'),
    findVms: async ({ provider, refs }) => {
      const vms = providers.synced(provider).model.vms();
      return { matches: refs.map((ref) => vms.filter((vm) => matches(ref, vm))) };
    },
  };
}

const matches = (ref: Reference, vm: SourceVm) =>
  (ref.id === undefined || ref.id === vm.id) &&
  (ref.name === undefined || ref.name === vm.name) &&
  (ref.path === undefined || ref.path === vm.path);

function cut<T>(all: readonly T[], { limit, continue: token }: Page): { items: T[]; continue?: string } {
  const start = token === undefined ? 0 : Number(token);
  if (!Number.isSafeInteger(start) || start < 0)
    throw new TranshipError('document.invalid', `continue: ${token} is no token of ours`, { path: 'continue' });
  const items: T[] = [];
  let bytes = 0;
  for (const item of all.slice(start, start + limit)) {
    bytes += JSON.stringify(item).length;
    if (bytes > maxPageBytes && items.length > 0) break;
    items.push(item);
  }
  const next = start + items.length;
  return { items, ...(next < all.length ? { continue: String(next) } : {}) };
}
