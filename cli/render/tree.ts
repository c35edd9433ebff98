import type { SourceFolder, SourceVm } from '@tranship/contracts';

/** A folder, with what lies in it. */
export interface Tree {
  readonly name: string;
  readonly path: string;
  readonly type: SourceFolder['type'];
  readonly folders: readonly Tree[];
  readonly vms: readonly SourceVm[];
}

const above = (path: string) => path.slice(0, path.lastIndexOf('/'));

/** The folders of VMs beneath their data centers. `chosen`: a folder without a VM in it, or in one below, is left out. */
export function treeOf(
  folders: readonly SourceFolder[],
  vms: readonly SourceVm[],
  chosen: boolean,
): Omit<Tree, 'type'> {
  const shown = folders.filter(
    ({ type, holds }) => type === 'datacenter' || holds === 'datacenters' || holds === 'vms',
  );
  const known = new Set(shown.map(({ path }) => path));
  // A VM in a vApp has no folder: it stands at the top.
  const home = (path: string) => (known.has(above(path)) ? above(path) : '');
  const [inside, within] = [Map.groupBy(vms, ({ path }) => home(path)), Map.groupBy(shown, ({ path }) => home(path))];
  const fill = (path: string): Pick<Tree, 'folders' | 'vms'> => {
    const below = (within.get(path) ?? []).map(
      ({ name, path: at, type }): Tree => ({ name, path: at, type, ...fill(at) }),
    );
    return {
      folders: below.filter((each) => !chosen || each.vms.length + each.folders.length > 0),
      vms: inside.get(path) ?? [],
    };
  };
  return { name: '', path: '', ...fill('') };
}

/** Folders end with a stroke; what lies in one is indented under it. */
export function treeLines({ folders, vms }: Pick<Tree, 'folders' | 'vms'>, indent = ''): string[] {
  return [
    ...folders.flatMap((each) => [`${indent}${each.name}/`, ...treeLines(each, `${indent}  `)]),
    ...vms.map(({ name, id, powerState }) => `${indent}${name} (${id}, ${powerState})`),
  ];
}
