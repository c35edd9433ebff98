import { readFileSync } from 'node:fs';
import { queryExamples, type SourceVm } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { type Answer, judge, privileges, sample, wantedFor } from './privileges.ts';

const [web] = queryExamples.vms.result.items as [SourceVm];
const at = (path: string, over: Partial<SourceVm> = {}): SourceVm => ({ ...web, id: path, path, ...over });

test('privileges - the guide has the same table', () => {
  const guide = readFileSync(new URL('../../../docs/guides/prepare-vsphere.md', import.meta.url), 'utf8');
  const rows = guide.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| --'));
  const cells = rows.slice(1).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  expect(cells).toEqual(
    privileges.map(({ why, calls, name, by }) => [
      ...[why, calls.map((call) => `\`${call}\``).join(', '), `\`${name}\``, by],
    ]),
  );
});

test('privileges - asked at one VM of each folder, and at the hosts and datastores that these are on, each once', () => {
  const other = { id: 'host-9', name: 'esx-9' };
  const vms = [
    at('/DC0/vm/web/a'),
    at('/DC0/vm/web/b', { host: other }),
    at('/DC0/vm/c', { host: other }),
    at('/DC0/vm/d/e'),
  ];
  const { folders, ...asked } = sample(vms);
  expect(folders).toBe(3);
  expect(asked.vms.map(({ id }) => id)).toEqual(['/DC0/vm/web/a', '/DC0/vm/c', '/DC0/vm/d/e']);
  expect(asked.places.map(({ type, id }) => `${type} ${id}`)).toEqual([
    ...['HostSystem host-21', 'Datastore datastore-11', 'HostSystem host-9'],
  ]);
  const many = Array.from({ length: 600 }, (_, i) => at(`/DC0/vm/${i}/a`));
  expect(sample(many)).toMatchObject({ folders: 600, vms: { length: 500 } });
});

const answers = (...lacking: string[][]): Answer[] =>
  lacking.map((each, i) => ({ at: { type: 'VirtualMachine', id: `vm-${i}`, path: `/DC0/vm/${i}` }, lacking: each }));
const off = 'VirtualMachine.Interact.PowerOff';
const read = 'VirtualMachine.Provisioning.DiskRandomRead';
const take = 'VirtualMachine.State.CreateSnapshot';

test.for([
  { is: 'is granted', name: off, method: 'auto', answers: answers([take], []), check: { ok: true } },
  { is: 'all need is missing', name: off, method: 'auto', answers: answers([off], [off]), check: { ok: false } },
  {
    ...{ is: 'all need is missing at some', name: off, method: 'auto', answers: answers([], [off]) },
    check: {
      ok: true,
      but: 'warning',
      detail: expect.stringContaining('missing at 1 of 2 (/DC0/vm/1); needed by every'),
    },
  },
  { is: 'warm needs is missing', name: take, method: 'vddk', answers: answers([take]), check: { but: 'warning' } },
  { is: 'vddk needs is missing', name: read, method: 'auto', answers: answers([read]), check: { but: 'warning' } },
  { is: 'the method needs is missing', name: read, method: 'vddk', answers: answers([read]), check: { ok: false } },
  {
    is: 'the method needs is missing',
    name: 'VApp.Export',
    method: 'nfc',
    answers: answers(['VApp.Export']),
    check: { ok: false },
  },
] as { is: string; name: string; method: 'auto' | 'vddk' | 'nfc'; answers: Answer[]; check: object }[])(
  'privileges - by $method, $name, which $is',
  ({ name, method, answers: given, check }) => {
    const privilege = privileges.find((each) => each.name === name)!;
    const told = judge(privilege, method, 'svc', given);
    expect(told).toMatchObject({ name, ...check });
    expect(told.fix === undefined).toBe(told.ok && told.but === undefined);
  },
);

test('privileges - those of the method that a provider does not read by are not asked for', () => {
  const names = (method: 'auto' | 'vddk' | 'nfc') => wantedFor(method).map(({ name }) => name);
  expect(names('auto')).toHaveLength(privileges.length);
  expect(names('vddk')).not.toContain('VApp.Export');
  expect(names('nfc')).not.toContain(read);
  for (const method of ['auto', 'vddk', 'nfc'] as const) expect(names(method)).toContain(take);
});
