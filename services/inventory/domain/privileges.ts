import type { Check, ProviderSpec, SourceVm } from '@tranship/contracts';

type Method = ProviderSpec['transfer']['method'];

/** One privilege in vSphere that Tranship's user needs. docs/guides/prepare-vsphere.md has the same table. */
export interface Privilege {
  readonly name: string;
  readonly why: string;
  readonly calls: readonly string[];
  /** What cannot go without it. */
  readonly by: 'every migration' | 'warm, rehearsals' | 'vddk' | 'nfc';
}

export const privileges: readonly Privilege[] = [
  {
    name: 'System.Read',
    why: 'reads the inventory, who started a source meanwhile, and how slowly datastores answer',
    calls: ['WaitForUpdatesEx', 'RetrievePropertiesEx', 'QueryEvents', 'QueryPerf', 'RefreshDatastore'],
    by: 'every migration',
  },
  {
    name: 'VirtualMachine.Interact.PowerOff',
    why: 'shuts the guest down, or powers it off',
    calls: ['ShutdownGuest', 'PowerOffVM_Task'],
    by: 'every migration',
  },
  {
    name: 'VirtualMachine.Interact.PowerOn',
    why: 'starts the source again on a way back',
    calls: ['PowerOnVM_Task'],
    by: 'every migration',
  },
  {
    name: 'VirtualMachine.State.CreateSnapshot',
    why: 'freezes a disk for a pass',
    calls: ['CreateSnapshot_Task'],
    by: 'warm, rehearsals',
  },
  {
    name: 'VirtualMachine.State.RemoveSnapshot',
    why: 'removes the snapshot, and merges what a removal left over',
    calls: ['RemoveSnapshot_Task', 'ConsolidateVMDisks_Task'],
    by: 'warm, rehearsals',
  },
  {
    name: 'VirtualMachine.Config.ChangeTracking',
    why: 'turns change tracking on, and off again',
    calls: ['ReconfigVM_Task'],
    by: 'warm, rehearsals',
  },
  {
    name: 'VirtualMachine.Provisioning.DiskRandomRead',
    why: 'asks what changed, and reads disks with VMware’s library',
    calls: ['QueryChangedDiskAreas', 'VDDK'],
    by: 'vddk',
  },
  {
    name: 'VirtualMachine.Provisioning.GetVmFiles',
    why: 'reads disks with VMware’s library',
    calls: ['VDDK'],
    by: 'vddk',
  },
  { name: 'VApp.Export', why: 'reads disks by export', calls: ['ExportVm', 'ExportSnapshot'], by: 'nfc' },
];

/** What is missing where a provider reads by this method: `undefined`: nothing, for it is not asked for. */
function without({ by }: Privilege, method: Method): 'failed' | 'warning' | undefined {
  if (by === 'every migration' || by === method) return 'failed';
  const other = (by === 'vddk' || by === 'nfc') && method !== 'auto';
  return other ? undefined : 'warning';
}
export const wantedFor = (method: Method): Privilege[] =>
  privileges.filter((each) => without(each, method) !== undefined);

/** An object that privileges are asked at. */
export interface Asked {
  readonly type: 'VirtualMachine' | 'HostSystem' | 'Datastore';
  readonly id: string;
  readonly path: string;
}

/** As many folders are looked into. */
const maxFolders = 500;

/** One VM of each folder, for that is where roles are given, and the hosts and datastores that these are on. */
export function sample(vms: readonly SourceVm[]): { vms: Asked[]; places: Asked[]; folders: number } {
  const first = new Map<string, SourceVm>();
  for (const vm of vms) {
    const folder = vm.path.slice(0, vm.path.lastIndexOf('/'));
    if (!first.has(folder)) first.set(folder, vm);
  }
  const chosen = [...first.values()].slice(0, maxFolders);
  const places = chosen.flatMap(({ host, disks }): Asked[] => [
    ...(host ? [{ type: 'HostSystem', id: host.id, path: host.name } as const] : []),
    ...disks.flatMap(({ datastore: at }) => (at ? [{ type: 'Datastore', id: at.id, path: at.name } as const] : [])),
  ]);
  return {
    vms: chosen.map(({ id, path }) => ({ type: 'VirtualMachine', id, path })),
    places: [...new Map(places.map((place) => [place.id, place])).values()],
    folders: first.size,
  };
}

export interface Answer {
  readonly at: Asked;
  /** Names of those that are not granted there. */
  readonly lacking: readonly string[];
}

/** What is true of one privilege, in words. `answers`: of the objects that it is needed at. */
export function judge(privilege: Privilege, method: Method, user: string, answers: readonly Answer[]): Check {
  const { name, why, by } = privilege;
  const lacking = answers.filter((answer) => answer.lacking.includes(name)).map(({ at }) => at.path);
  if (lacking.length === 0) return { name, ok: true, detail: why };
  const everywhere = lacking.length === answers.length;
  const where = everywhere ? 'missing' : `missing at ${lacking.length} of ${answers.length} (${few(lacking)})`;
  const fix = `Add it to the role of ${user}, at the root folder with propagation or at the folders of the VMs that move: docs/guides/prepare-vsphere.md`;
  const said = { name, detail: `${where}; needed by ${by}: ${why}`, fix };
  // Who has it on some VMs can move those.
  return without(privilege, method) === 'failed' && everywhere
    ? { ...said, ok: false }
    : { ...said, ok: true, but: 'warning' };
}

const few = (all: readonly string[]) => `${all.slice(0, 3).join(', ')}${all.length > 3 ? ' …' : ''}`;
