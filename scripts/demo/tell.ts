import type { MigrationStatus, SourceVm, StepName, StepResult, Validation } from '@tranship/contracts';
import { type Api, downtime } from '../../cli/index.ts';
import { table } from '../../cli/render/table.ts';
import { bytes } from '../../cli/render/units.ts';
import { lastWords } from '../../lab/host/console.ts';
import { hear } from '../../lab/host/inside.ts';
import { backingFile, claimFile, digest, rootOfFile } from '../../lab/host/volumes.ts';
import type { Lab } from '../../lab/state.ts';
import { vmsOf } from './acts.ts';

type Say = (line?: string) => void;
type VmStatus = MigrationStatus['vms'][number];
const guest = { name: 'web-01', address: '192.168.76.10', port: 7000 };
/** A bound against hanging: on a busy machine an emulated guest takes its time. */
const bootMs = 600_000;
const sayEveryMs = 20_000;

/** What the guest said of itself before the move. */
export interface Before {
  readonly counter: number;
  readonly addresses: readonly string[];
}

export async function tellConcerns(validation: Validation, say: Say): Promise<void> {
  const rows = validation.vms.flatMap(({ name, concerns }) =>
    concerns.length === 0
      ? [[`   ${name}`, 'ready', '']]
      : concerns.map(({ category, label }, i) => [i === 0 ? `   ${name}` : '', category, label]),
  );
  for (const line of table([], rows)) say(line);
}

/** The counter that the guest writes through to its disk, one higher at each question. */
async function counter(lab: Lab): Promise<number | undefined> {
  const [name, count] = (await hear(lab, guest.address, guest.port)).split(' ');
  return name === guest.name ? Number(count) : undefined;
}

/** Waits until the guest is up, and vCenter sees its tools. */
export async function waitForGuest(api: Api, lab: Lab, say: Say): Promise<Before | undefined> {
  if (!(await vmsOf(api)).some(({ name, powerState }) => name === guest.name && powerState === 'poweredOn'))
    return undefined;
  say(`   ${guest.name} boots in software emulation; it is moved once it runs (about a minute) …`);
  const began = Date.now();
  for (let said = began; Date.now() < began + bootMs; ) {
    const vm = (await vmsOf(api)).find(({ name }) => name === guest.name);
    const count = vm?.toolsRunning ? await counter(lab) : undefined;
    if (vm && count !== undefined) {
      const addresses = vm.nics.flatMap((nic) => nic.addresses);
      say(`   ${guest.name} runs at ${addresses.join(', ')}; its counter stands at ${count}.`);
      return { counter: count, addresses };
    }
    if (Date.now() - said > sayEveryMs) {
      said = Date.now();
      say(`   ${guest.name} boots: ${lastWords(guest.name)}`);
    }
    await new Promise((done) => setTimeout(done, 1_000));
  }
  throw new Error(`${guest.name} did not boot within ${bootMs / 1000} s; it said last: ${lastWords(guest.name)}`);
}

const nicText = (nics: readonly { name: string; addresses: readonly string[] }[]) =>
  nics.map(({ name, addresses }) => `${name} ${addresses.filter((each) => each.includes('.')).join(' ')}`).join('; ') ||
  '-';

function split<T>(items: readonly T[], first: (item: T) => boolean): [T[], T[]] {
  return [items.filter(first), items.filter((item) => !first(item))];
}

const result = <K extends StepName>(vm: VmStatus, step: K) => vm.results[step] as StepResult<K> | undefined;

/** The table of what moved; every disk is compared from outside. */
export async function report(api: Api, migration: MigrationStatus, lab: Lab, before: Before | undefined, say: Say) {
  const now = Date.now();
  const sources = await vmsOf(api);
  const moved = [];
  for (const vm of migration.vms) {
    const copy = result(vm, 'copy');
    const convert = result(vm, 'convert');
    const health = result(vm, 'watchHealth');
    const outside = await compare(vm, sources);
    const down = downtime(vm, now);
    moved.push({
      name: vm.name,
      state: vm.state,
      bytes: copy?.disks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) ?? 0,
      readBytes: copy?.disks.reduce((sum, { readBytes }) => sum + readBytes, 0) ?? 0,
      seconds: Math.round((Date.parse(vm.since) - Date.parse(migration.started)) / 1000),
      downtimeSeconds: down === undefined ? null : Math.round(down.ms / 1000),
      proof: result(vm, 'prove') ? (outside === 'DIFFERS' ? 'DIFFERS' : 'proven') : 'none',
      outside,
      nics: health?.nics ?? [],
      nicsBefore: convert?.nics ?? [],
      changes: convert?.changes ?? [],
    });
  }
  say('');
  const rows = moved.map((vm) => [
    vm.name,
    vm.state,
    bytes(vm.bytes),
    `${vm.seconds} s`,
    vm.downtimeSeconds === null ? '-' : `${vm.downtimeSeconds} s`,
    vm.proof,
    vm.outside,
    nicText(vm.nicsBefore),
    nicText(vm.nics),
  ]);
  const heads = ['VM', 'STATE', 'DISKS', 'TIME', 'DOWNTIME', 'PROOF', 'SEEN FROM OUTSIDE', 'NIC BEFORE', 'NIC AFTER'];
  for (const line of table(heads, rows)) say(line);
  for (const { name, changes } of moved.filter((vm) => vm.changes.length > 0)) {
    say(`\nWhat the conversion changed in ${name}:`);
    // Of what packages lay in, the number is enough.
    const [told, laid] = split(changes, ({ path, before: was }) => was !== null || /^\/(etc|boot)\//.test(path));
    for (const { path, before: was } of told) say(`   ${was === null ? 'new     ' : 'changed '} ${path}`);
    if (laid.length > 0) say(`   new      ${laid.length} files of the guest agent and the libraries that it needs`);
  }
  const answered = before === undefined || ((await counter(lab)) ?? -1) >= before.counter;
  const vms = moved.map(({ changes: _, outside: __, readBytes: ___, nicsBefore: ____, ...vm }) => vm);
  return { migration: migration.id, vms, proven: answered && moved.every(({ proof }) => proof === 'proven') };
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

/** The guest's own word, over TCP, from its new place. */
export async function answer(lab: Lab, before: Before | undefined): Promise<string> {
  if (before === undefined) return '';
  const now = await counter(lab);
  return now === undefined
    ? `${guest.name} does not answer at ${guest.address}:${guest.port}.`
    : `${guest.name} answers from KubeVirt at ${guest.address}:${guest.port}: its counter stands at ${now}; it was ${before.counter} on VMware.`;
}
