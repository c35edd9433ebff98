import {
  type InventoryKind,
  inventoryKinds,
  type SourceDatastore,
  type SourceFolder,
  type SourceHost,
  type SourceNetwork,
  type SourceVm,
} from '@tranship/contracts';
import { Argument } from 'commander';
import type { Api } from '../api.ts';
import { exits, usage } from '../errors.ts';
import { type Kind, kindOf, type Stored } from '../kinds.ts';
import { show, showItems } from '../output.ts';
import { action, type Register } from '../program.ts';
import { treeLines, treeOf } from '../render/tree.ts';
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
const folders: Columns<SourceFolder> = [
  { title: 'NAME', of: ({ name }) => name },
  { title: 'ID', of: ({ id }) => id },
  { title: 'TYPE', of: ({ type }) => type },
  { title: 'HOLDS', of: ({ holds }) => holds ?? '-' },
  { title: 'VMS', of: ({ vms }) => String(vms) },
  { title: 'PATH', of: ({ path }) => path },
];
const columns = { vms, hosts, networks, datastores, folders } satisfies Record<InventoryKind, unknown>;
const names = [...(Object.keys(inventoryKinds) as InventoryKind[]), 'tree'] as const;

export const inventory: Register = (program) => {
  program
    .command('inventory')
    .description('shows what a provider has; tree: its folders, with the VMs in them')
    .addArgument(new Argument('<what>').choices(names))
    .argument('[provider]', 'may be left out when there is only one')
    .option('--where <expression>', 'those alone: memoryMB > 4096 and powerState = "poweredOn"; see inventory.md')
    .action(
      action(async ({ api, terminal, format }, what: (typeof names)[number], given, { where }: { where?: string }) => {
        const provider = (given as string | undefined) ?? (await onlyProvider(api));
        if (what !== 'tree') {
          showItems(terminal, format, kind(what), await rows(api, provider, what, where), false);
          return exits.done;
        }
        const [all, found] = await Promise.all([
          rows<SourceFolder>(api, provider, 'folders'),
          rows<SourceVm>(api, provider, 'vms', where),
        ]);
        const tree = treeOf(all, found, where !== undefined);
        show(terminal, format, tree, () => treeLines(tree));
        return exits.done;
      }),
    );
};

const rows = <T extends { id: string }>(api: Api, provider: string, what: InventoryKind, where?: string) =>
  api.list(['providers', provider, 'inventory', what], schemaOf<T>(what), { where });
const schemaOf = <T extends { id: string }>(what: InventoryKind) =>
  inventoryKinds[what] as unknown as Kind<T>['schema'];

const kind = (what: InventoryKind): Kind<{ id: string }> => ({
  name: what.slice(0, -1),
  plural: what,
  aliases: [],
  schema: schemaOf(what),
  nameOf: ({ id }) => id,
  columns: columns[what],
});

async function onlyProvider(api: Api): Promise<string> {
  const all = await api.list(['providers'], kindOf('provider').schema as Kind<Stored>['schema']);
  if (all.length === 1) return all[0]!.metadata.name;
  throw usage(`which provider? There are: ${all.map(({ metadata }) => metadata.name).join(', ') || 'none'}`);
}
