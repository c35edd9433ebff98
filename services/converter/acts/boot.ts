import { type Boot, type StepInput, TranshipError } from '@tranship/contracts';
import type { Clock } from '@tranship/service-kit';
import type { VirtualMachine } from '../adapters/rehearsal/virtual-machine.ts';
import { lastLines, markOf } from '../domain/rehearsal/marks.ts';
import { nicsSeen } from '../domain/rehearsal/verdict.ts';

const lookMs = 1_000;
/** Emulated, all takes so many times as long. */
const slowness = 3;
/** A guest that asks for a login may still start its agent. */
const agentGraceMs = 30_000;
/** Once its agent answers, for its addresses to come up and its units to start. */
const settleMs = 60_000;
const programMs = 20_000;
const mostUnits = 50;

interface Watch {
  readonly macs: readonly string[];
  readonly kept: ReadonlyMap<string, readonly string[]>;
  readonly agent: StepInput<'rehearse'>['agent'];
  readonly deadlineMs: number;
  readonly by: Boot['accelerator'];
  readonly clock: Clock;
  readonly signal: AbortSignal;
}
type Machine = Pick<VirtualMachine, 'agent' | 'console' | 'trouble' | 'errors'>;
type Seen = Pick<Boot, 'seconds' | 'mark' | 'os' | 'nics' | 'failedUnits'> & { readonly why: string };

/** Watches a guest that boots until it is up by its own marks, or will not be: then `why` says so. Throws `rehearsal.no-room`. */
export async function watchBoot(machine: Machine, watch: Watch): Promise<Seen> {
  const { clock, by, macs, kept } = watch;
  const pace = by === 'kvm' ? 1 : slowness;
  const began = clock.now();
  const found = await up(machine, watch, pace);
  const seconds = (clock.now() - began) / 1000;
  const nothing = { os: '', nics: nicsSeen(macs, [], new Map()), failedUnits: null };
  if (found.mark !== 'agent') return { ...found, seconds, ...nothing };
  const end = clock.now() + settleMs * pace;
  const os = await machine.agent.os();
  const nics = await settled(machine, watch, end);
  const failedUnits = await failed(machine, watch, end);
  return { ...found, seconds, os, nics: nics ?? nicsSeen(macs, [], kept), failedUnits };
}

async function up(machine: Machine, watch: Watch, pace: number): Promise<Pick<Seen, 'mark' | 'why'>> {
  const { clock, signal, agent, deadlineMs } = watch;
  const end = clock.now() + deadlineMs * pace;
  for (let asked: number | undefined; ; await clock.sleep(lookMs, signal)) {
    signal.throwIfAborted();
    const { trouble } = machine;
    if (trouble === 'no-room')
      throw new TranshipError('rehearsal.no-room', 'the guest writes more than the scratch volume holds');
    if (trouble === 'resets') return none(`it resets again and again: ${said(machine)}`);
    if (trouble === 'ended') return none(`${`it ended ${machine.errors}`.trim()}: ${said(machine)}`);
    const mark = markOf(machine.console);
    if (mark && !mark.up) return none(mark.why);
    if (agent !== 'ignore' && (await machine.agent.answers())) return { mark: 'agent', why: '' };
    const now = clock.now();
    if (mark) asked ??= now;
    const enough = agent === 'ignore' ? 0 : agent === 'ifPresent' ? agentGraceMs * pace : Number.POSITIVE_INFINITY;
    if (asked !== undefined && now - asked >= enough) return { mark: 'login', why: '' };
    if (now < end) continue;
    const wanted =
      asked !== undefined
        ? 'its guest agent did not answer'
        : 'neither its guest agent nor a login on its serial console was seen';
    return none(`${wanted} within ${(deadlineMs * pace) / 1000} s; the last that it said: ${said(machine)}`);
  }
}

const said = ({ console }: Machine) => lastLines(console) || 'it said nothing on its serial console';
const none = (why: string) => ({ mark: 'nothing', why }) as const;

/** Once every address that is to be kept is there, or the time is over. */
async function settled(
  { agent }: Machine,
  { macs, kept, clock, signal }: Watch,
  end: number,
): Promise<Boot['nics'] | undefined> {
  for (let last: Boot['nics'] | undefined; ; await clock.sleep(lookMs, signal)) {
    const told = await agent.nics();
    if (told) last = nicsSeen(macs, told, kept);
    if (last?.every(({ missing }) => missing.length === 0) || clock.now() >= end) return last;
  }
}

/** Units of systemd that failed, once all were started; null: nobody may ask. */
async function failed({ agent }: Machine, { clock, signal }: Watch, end: number): Promise<string[] | null> {
  const systemctl = async (...args: string[]) => {
    const pid = await agent.start('systemctl', args);
    if (pid === undefined) return undefined;
    for (const late = clock.now() + programMs; clock.now() < late; await clock.sleep(lookMs, signal)) {
      const output = await agent.output(pid);
      if (output !== undefined) return output;
    }
    return undefined;
  };
  for (; ; await clock.sleep(lookMs, signal)) {
    const state = await systemctl('is-system-running');
    if (state === undefined) return null;
    if (!/^(initializing|starting)/.test(state) || clock.now() >= end) break;
  }
  const units = await systemctl('list-units', '--state=failed', '--plain', '--no-legend', '--full');
  return units === undefined
    ? null
    : units
        .split('\n')
        .flatMap((line) => /^\S+/.exec(line.trim())?.[0].slice(0, 200) ?? [])
        .slice(0, mostUnits);
}
