import {
  type InventoryKind,
  inventoryKinds,
  type SourceDatastore,
  type SourceHost,
  type SourceNetwork,
  type SourceVm,
} from '@tranship/contracts';
import { Argument } from 'commander';
import type { Api } from '../api.ts';
import { exits, usage } from '../errors.ts';
import { type Kind, kindOf, type Stored } from '../kinds.ts';
import { showItems } from '../output.ts';
import { action, type Register } from '../program.ts';
import { bytes } from '../render/units.ts';

type Columns<T> = Kind<T>['columns'];
const vms: Columns<SourceVm> = [
  { title: 'NAME', of: ({ name }) => name },
  { title: 'ID', of: ({ id }) => id },
  { title: 'POWER', of: ({ powerState }) => powerState },
  { title: 'CPUS', of: ({ cpus }) => String(cpus) },
  { title: 'MEMORY', of: ({ memoryMB }) => bytes(memoryMB * 1024 ** 2) },
  { title: 'DISKS', of: ({ disks }) => String(disks.length) },
  { title: 'SIZE', of: ({ disks }) => bytes(disks.reduce((sum, { capacityBytes }) => sum + capacityBytes, 0)) },
  { title: 'GUEST', of: ({ guestName }) => guestName },
  { title: 'HOST', wide: true, of: ({ host }) => host?.name ?? '-' },
  { title: 'PATH', wide: true, of: ({ path }) => path },
];
const hosts: Columns<SourceHost> = [
  { title: 'NAME', of: ({ name }) => name },
  { title: 'ID', of: ({ id }) => id },
  { title: 'STATE', of: ({ connectionState }) => connectionState },
  { title: 'MAINTENANCE', of: ({ maintenance }) => (maintenance ? 'yes' : 'no') },
  { title: 'PATH', wide: true, of: ({ path }) => path },
];
const networks: Columns<SourceNetwork> = [
  { title: 'NAME', of: ({ name }) => name },
  { title: 'ID', of: ({ id }) => id },
  { title: 'TYPE', of: ({ type }) => type },
  { title: 'PATH', wide: true, of: ({ path }) => path },
];
const datastores: Columns<SourceDatastore> = [
  { title: 'NAME', of: ({ name }) => name },
  { title: 'ID', of: ({ id }) => id },
  { title: 'TYPE', of: ({ type }) => type },
  { title: 'CAPACITY', of: ({ capacityBytes }) => bytes(capacityBytes) },
  { title: 'FREE', of: ({ freeBytes }) => bytes(freeBytes) },
  { title: 'ACCESSIBLE', of: ({ accessible }) => (accessible ? 'yes' : 'no') },
  { title: 'PATH', wide: true, of: ({ path }) => path },
];
const columns = { vms, hosts, networks, datastores } satisfies Record<InventoryKind, unknown>;
const names = Object.keys(inventoryKinds) as InventoryKind[];

export const inventory: Register = (program) => {
  program
    .command('inventory')
    .description('shows what a provider has')
    .addArgument(new Argument('<what>').choices(names))
    .argument('[provider]', 'may be left out when there is only one')
    .action(
      action(async ({ api, terminal, format }, what: InventoryKind, given: string | undefined) => {
        const provider = given ?? (await onlyProvider(api));
        const schema: Kind<{ id: string }>['schema'] = inventoryKinds[what];
        const items = await api.list(['providers', provider, 'inventory', what], schema);
        const kind: Kind<{ id: string }> = {
          name: what.slice(0, -1),
          plural: what,
          aliases: [],
          schema,
          nameOf: ({ id }) => id,
          columns: columns[what],
        };
        showItems(terminal, format, kind, items, false);
        return exits.done;
      }),
    );
};

async function onlyProvider(api: Api): Promise<string> {
  const all = await api.list(['providers'], kindOf('provider').schema as Kind<Stored>['schema']);
  if (all.length === 1) return all[0]!.metadata.name;
  throw usage(`which provider? There are: ${all.map(({ metadata }) => metadata.name).join(', ') || 'none'}`);
}
