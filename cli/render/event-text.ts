import { bytes, duration } from './units.ts';

/** An event as the gateway streams it. */
export interface ToldEvent {
  readonly seq: number;
  readonly subject: string;
  readonly time: string;
  readonly type: string;
  readonly data: unknown;
}

type Data = Record<string, unknown>;
interface Failure {
  code: string;
  detail: string;
}

const seconds = (data: Data) => duration(Number(data.seconds) * 1000);
const failure = ({ error }: Data) => {
  const { code, detail } = (error ?? {}) as Partial<Failure>;
  return code === undefined ? '' : `${code}: ${detail}`;
};
const sum = (items: unknown, field: string) =>
  (items as Data[]).reduce((total, item) => total + Number(item[field]), 0);

/** What is known to have changed, and where all must be compared. */
const changed = ({ disks }: Data) => {
  const each = disks as Data[];
  const lost = each.find((disk) => disk.lost !== undefined)?.lost;
  const known = each.reduce((total, { changedBytes }) => total + Number(changedBytes ?? 0), 0);
  if (lost !== undefined) return `: all is compared (${lost})`;
  return each.some((disk) => disk.changedBytes !== undefined) ? `: ${bytes(known)} changed` : '';
};

/** How the disks were read, and why so. */
const by = (disks: readonly Data[]) => {
  const ways = disks.map(({ via }) => via as { method: string; why: string } | undefined);
  return [...new Set(ways.map((via) => (via ? `, by ${via.method} (${via.why})` : '')))].join('');
};

/** Events whose facts deserve a sentence. */
const told: Readonly<Record<string, (data: Data) => string>> = {
  'vm.prepared': ({ pvcs }) => `${(pvcs as unknown[]).length} volumes`,
  'vm.powered-off': ({ was, how }) => (how === 'already' ? `it was ${was}` : `by ${how} shutdown`),
  'vm.pass-started': ({ pass }) => `pass ${pass}`,
  'vm.snapshotted': (data) => `${data.snapshot}${changed(data)}`,
  'vm.changes-found': (data) => `the VM is off${changed(data)}`,
  'vm.inspected': (data) => {
    const { os, engine, supported, changes, concerns } = data as Data & { os: Data; concerns: Data[] };
    const told = concerns.filter(({ category }) => category !== 'information').map(({ id }) => id);
    const what = supported ? `${(changes as unknown[]).length} files would change` : 'it cannot be converted';
    return `${os.name || os.family} (${engine}): ${what}, found in ${seconds(data)}${told.length > 0 ? `; ${told.join(', ')}` : ''}`;
  },
  'vm.rehearsal-requested': () => 'of the copy as it is, or of the next pass’s',
  'vm.rehearsed': ({ pass, passed, error, boot }) => {
    const { mark, seconds, accelerator } = (boot ?? {}) as Data;
    const up = `up by its ${mark} in ${duration(Number(seconds) * 1000)}${accelerator === 'tcg' ? ', emulated' : ''}`;
    return passed ? `the copy of pass ${pass} passed: ${up}` : `the copy of pass ${pass} failed: ${failure({ error })}`;
  },
  'vm.release-due': ({ until }) => (until === undefined ? 'nothing is due' : `nothing is due before ${until}`),
  'vm.released': () => 'the workbench is gone, its volumes stay',
  'vm.snapshot-removed': (data) => `its files were merged in ${seconds(data)}`,
  'vm.forecast': ({ seconds: mid, low, high, writeRate }) =>
    `a cutover would cost ${duration(Number(mid) * 1000)} (${duration(Number(low) * 1000)} to ${duration(Number(high) * 1000)}), the guest writes ${bytes(Number(writeRate))}/s`,
  'vm.cutover-due': ({ why }) => String(why),
  'vm.pass-finished': (data) => {
    const { disks } = data;
    const resumed = sum(disks, 'resumedBytes');
    const more = resumed > 0 ? `, ${bytes(resumed)} were there already` : '';
    const saved = sum(disks, 'savedBytes');
    const held = saved > 0 ? `, ${bytes(saved)} of it as the target held it` : '';
    return `${bytes(sum(disks, 'readBytes'))} read in ${seconds(data)}${more}${held}${by(disks as Data[])}`;
  },
  'vm.proved': (data) => `${data.grade}: ${sum(data.disks, 'leaves')} leaves equal, in ${seconds(data)}`,
  'vm.converted': (data) =>
    `${data.os} (${data.engine}): ${(data.changes as unknown[]).length} changes in ${seconds(data)}`,
  'vm.eased': () => 'there is room again: passes go on',
  'vm.unsealed': ({ nics }) => `the guest was well behind closed links; ${(nics as unknown[]).length} were opened`,
  'vm.healthy': ({ node, proven }) => `on ${node}${proven ? '' : ', unproven'}`,
  'vm.step-failed': (data) =>
    `${data.step}, attempt ${data.attempt}: ${failure(data)}; ${data.again ? 'tried again' : 'not tried again'}`,
  'vm.queued': ({ name, plan }) => `${name} of the plan ${plan}`,
  'vm.concern-raised': ({ id, why }) => `${id}: ${why}`,
  'vm.throttled': ({ mbps }) => (mbps === null ? 'off' : `to ${mbps} MB/s`),
  'vm.paced': ({ mbps, why }) => `${mbps === null ? 'as fast as before' : `to ${mbps} MB/s`}: ${why}`,
  'vm.rolled-back': () => 'the target is stopped and kept, the source is as it was',
  'plan.validated': ({ generation, ready, vms, critical, warning, information }) =>
    `generation ${generation} is ${ready ? 'ready' : 'not ready'}: ${vms} VMs, ${critical} critical, ${warning} warnings, ${information} for information`,
  'migration.pinned': ({ vms }) => `what ${(vms as unknown[]).length} VMs will need`,
  'migration.started': ({ plan, vms }) => `${(vms as unknown[]).length} VMs of the plan ${plan}`,
  'access.allowed': ({ who, verb, path }) => `${who}: ${verb} ${path}`,
  'access.denied': ({ who, verb, path, why }) => `${who}: ${verb} ${path}: ${why}`,
};

/** One line about an event: its own sentence, its error, or its plain values. An event of a newer server is no failure. */
export function eventText(type: string, data: unknown): string {
  const facts = (data ?? {}) as Data;
  try {
    const sentence = told[type]?.(facts);
    if (sentence !== undefined) return sentence;
  } catch {
    // Not the shape that we know: its plain values do.
  }
  return failure(facts) || plain(facts);
}

const plain = (data: Data): string =>
  Object.entries(data)
    .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
