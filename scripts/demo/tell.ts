import {
  type MigrationStatus,
  type SourceVm,
  type StepName,
  type StepResult,
  type Validation,
  vmReportSchema,
} from '@tranship/contracts';
import { type Api, downtime } from '../../cli/index.ts';
import { table } from '../../cli/render/table.ts';
import { bytes } from '../../cli/render/units.ts';
import { backingFile, claimFile, digest, rootOfFile } from '../../lab/host/volumes.ts';
import type { Lab } from '../../lab/state.ts';
import { vmsOf } from './acts.ts';
import { type Before, hearGuest, type Say } from './guest.ts';
import type { MovedVm } from './result.ts';

type VmStatus = MigrationStatus['vms'][number];

/** Names of the VMs that could move. */
export const readyOf = ({ vms }: Validation): string[] =>
  vms.filter(({ concerns }) => concerns.every(({ category }) => category !== 'critical')).map(({ name }) => name);

export function tellConcerns(validation: Validation, say: Say): void {
  const rows = validation.vms.flatMap(({ name, concerns }) =>
    concerns.length === 0
      ? [[`   ${name}`, 'ready', '']]
      : concerns.map(({ category, label }, i) => [i === 0 ? `   ${name}` : '', category, label]),
  );
  for (const line of table([], rows)) say(line);
}

const nicText = (nics: readonly { name: string; addresses: readonly string[] }[]) =>
  nics.map(({ name, addresses }) => `${name} ${addresses.filter((each) => each.includes('.')).join(' ')}`).join('; ') ||
  '-';

function split<T>(items: readonly T[], first: (item: T) => boolean): [T[], T[]] {
  return [items.filter(first), items.filter((item) => !first(item))];
}

const result = <K extends StepName>(vm: VmStatus, step: K) => vm.results[step] as StepResult<K> | undefined;

/** What moved: a table, every disk compared from outside, and the word of the guest that ran. */
export async function report(
  api: Api,
  migration: MigrationStatus,
  lab: Lab,
  before: Before | undefined,
  say: Say,
): Promise<{ vms: MovedVm[]; answered: boolean }> {
  const sources = await vmsOf(api);
  const moved = [];
  for (const vm of migration.vms) moved.push(await movedOf(api, migration, vm, sources));
  say();
  const rows = moved.map(({ vm, outside, nicsBefore }) => [
    vm.name,
    vm.state,
    bytes(vm.bytes),
    `${vm.seconds} s`,
    vm.downtimeSeconds === null ? '-' : `${vm.downtimeSeconds} s`,
    vm.proof,
    outside,
    nicText(nicsBefore),
    nicText(vm.nics),
  ]);
  const heads = ['VM', 'STATE', 'DISKS', 'TIME', 'DOWNTIME', 'PROOF', 'SEEN FROM OUTSIDE', 'NIC BEFORE', 'NIC AFTER'];
  for (const line of table(heads, rows)) say(line);
  for (const { vm, changes } of moved.filter((each) => each.changes.length > 0)) {
    say(`\nWhat the conversion changed in ${vm.name}:`);
    // Of what packages lay in, the number is enough.
    const [told, laid] = split(changes, ({ path, before: was }) => was !== null || /^\/(etc|boot)\//.test(path));
    for (const { path, before: was } of told) say(`   ${was === null ? 'new     ' : 'changed '} ${path}`);
    if (laid.length > 0) say(`   new      ${laid.length} files of the guest agent and the libraries that it needs`);
  }
  if (before) say();
  const answered = before === undefined || (await hearGuest(lab, before, say));
  return { vms: moved.map(({ vm }) => vm), answered };
}

async function movedOf(api: Api, { id, started }: MigrationStatus, status: VmStatus, sources: readonly SourceVm[]) {
  const convert = result(status, 'convert');
  const told = ['migrations', id, 'vms', status.id, 'report'];
  const changes = convert && (await api.get(told, vmReportSchema)).guest?.files;
  const outside = await compare(status, sources);
  const down = downtime(status, Date.now());
  const vm: MovedVm = {
    name: status.name,
    state: status.state,
    bytes: result(status, 'copy')?.disks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) ?? 0,
    seconds: Math.round((Date.parse(status.since) - Date.parse(started)) / 1000),
    downtimeSeconds: down === undefined ? null : Math.round(down.ms / 1000),
    proof: result(status, 'prove') ? (outside === 'DIFFERS' ? 'DIFFERS' : 'proven') : 'none',
    nics: result(status, 'watchHealth')?.nics ?? [],
  };
  return { vm, outside, nicsBefore: convert?.nics ?? [], changes: changes ?? [] };
}

/**
 * What the machine itself says of source and target. A disk that nothing converted: its bytes, by sha256sum. A converted one has
 * run since and is another: the proof that its volume had before, reckoned anew from the source's bytes.
 */
async function compare(vm: VmStatus, sources: readonly SourceVm[]): Promise<string> {
  const [disks, claims] = [result(vm, 'copy')?.disks, result(vm, 'handOver')?.pvcs];
  const source = sources.find(({ name }) => name === vm.name);
  if (!disks || !claims || !source) return '-';
  const converted = result(vm, 'convert')?.engine !== 'none';
  for (const { index, sizeBytes } of disks) {
    const from = backingFile(source.disks[index]!.file);
    const same = converted
      ? (await rootOfFile(from, sizeBytes)) === result(vm, 'prove')?.disks.find((each) => each.index === index)?.root
      : (await digest(await claimFile('apps', claims.find((each) => each.index === index)!.name), sizeBytes)) ===
        (await digest(from, sizeBytes));
    if (!same) return 'DIFFERS';
  }
  return converted ? 'equal, then converted' : 'equal';
}
