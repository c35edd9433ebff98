import { queryExamples, type SourceFolder, type SourceVm } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { treeLines, treeOf } from './tree.ts';

const [web] = queryExamples.vms.result.items as [SourceVm];
const vm = (id: string, path: string): SourceVm => ({ ...web, id, path, name: path.slice(path.lastIndexOf('/') + 1) });
const folder = (path: string, holds?: SourceFolder['holds']): SourceFolder => ({
  ...{ id: path, path, name: path.slice(path.lastIndexOf('/') + 1), vms: 0 },
  ...(holds ? { type: 'folder', holds } : { type: 'datacenter' }),
});
const folders = [
  folder('/Europe', 'datacenters'),
  folder('/Europe/DC0'),
  folder('/Europe/DC0/host', 'hosts'),
  folder('/Europe/DC0/vm', 'vms'),
  folder('/Europe/DC0/vm/empty', 'vms'),
  folder('/Europe/DC0/vm/web', 'vms'),
];
const vms = [vm('vm-1', '/Europe/DC0/vm/web/web-01'), vm('vm-2', '/Europe/DC0/vm/solo'), vm('vm-3', '/in-a-vapp')];

test('tree - folders of VMs beneath their data centers, VMs behind the folders; without a folder they stand at the top', () => {
  expect(treeLines(treeOf(folders, vms, false))).toEqual([
    'Europe/',
    '  DC0/',
    '    vm/',
    '      empty/',
    '      web/',
    '        web-01 (vm-1, poweredOn)',
    '      solo (vm-2, poweredOn)',
    'in-a-vapp (vm-3, poweredOn)',
  ]);
});

test('tree - of chosen VMs, folders without one are left out', () => {
  const lines = treeLines(treeOf(folders, vms.slice(0, 1), true)).map((line) => line.trim());
  expect(lines).toEqual(['Europe/', 'DC0/', 'vm/', 'web/', 'web-01 (vm-1, poweredOn)']);
  expect(treeLines(treeOf(folders, [], true))).toEqual([]);
});
