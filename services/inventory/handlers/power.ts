import { type QueryParsed, type StepInput, type StepResult, TranshipError } from '@tranship/contracts';
import { type Clock, poll, type StepContext } from '@tranship/service-kit';
import type { PowerSource } from '../ports.ts';

type Find = (provider: string) => PowerSource;
/** Whether a VM of that name runs on the target, asked now. */
export type TargetRuns = (target: StepInput<'powerOn'>['target']) => Promise<boolean>;
const everyMs = 500;
const hardMs = 120_000;

const stamp = (clock: Clock) => new Date(clock.now()).toISOString();

/** Guest shutdown with a deadline; when it passes, what the plan says. Asked again for a VM that is off: done already. */
export async function powerOff(
  find: Find,
  input: StepInput<'powerOff'>,
  { clock, signal, log, begun }: StepContext,
): Promise<StepResult<'powerOff'>> {
  const source = find(input.provider);
  const { powerState: was, toolsRunning } = await source.power(input.vm);
  // Off at the second look: it was ourselves at the first.
  if (was !== 'poweredOn') return { was: begun ? input.power : was, how: 'already', at: stamp(clock) };
  const off = async () => ((await source.power(input.vm)).powerState === 'poweredOff' ? true : undefined);
  const refused = toolsRunning ? await shutDown(source, input.vm) : 'VMware Tools do not run in it';
  if (refused === undefined) {
    if (await poll(off, { everyMs, deadlineMs: input.deadlineMs, clock, signal }))
      return { was, how: 'guest', at: stamp(clock) };
  }
  if (input.then === 'fail') {
    const guest = `the guest of ${input.vm}`;
    if (refused !== undefined)
      throw new TranshipError('source.shutdown-refused', `${guest} cannot be asked to shut down: ${refused}`);
    const late = `it still runs after ${input.deadlineMs / 1000} s`;
    throw new TranshipError('source.shutdown-timeout', `${guest} did not shut down: ${late}`);
  }
  log.warn({}, 'the guest did not shut down; it is powered off, as the plan says');
  await source.powerOff(input.vm);
  if (await poll(off, { everyMs, deadlineMs: hardMs, clock, signal })) return { was, how: 'hard', at: stamp(clock) };
  throw new TranshipError('source.shutdown-timeout', `${input.vm} is still on ${hardMs / 1000} s after PowerOff`);
}

/** Asks the guest; why it cannot be asked, or undefined. */
async function shutDown(source: PowerSource, vm: string): Promise<string | undefined> {
  try {
    await source.shutdownGuest(vm);
    return undefined;
  } catch (error) {
    const { code, detail } = TranshipError.from(error);
    if (code !== 'vsphere.fault') throw error;
    return detail;
  }
}

/** The key of the VM's newest start, 0 without one; undefined where vCenter does not tell: then only its power is known. */
export async function startsSoFar(
  source: Pick<PowerSource, 'lastStart'>,
  vm: string,
  log: StepContext['log'],
): Promise<number | undefined> {
  try {
    return (await source.lastStart(vm))?.key ?? 0;
  } catch (error) {
    const { code, detail } = TranshipError.from(error);
    // Also without the right to them.
    if (!/^vsphere\.(fault|denied)$/.test(code)) throw error;
    log.warn({ vm, detail }, 'the events of the source cannot be read: a start that is over again will not be noticed');
    return undefined;
  }
}

/** The live check before a start: it is off, and was never started since the final pass. */
export async function checkOff(
  find: Find,
  input: QueryParsed<'sourceOff'>,
  { clock }: Pick<StepContext, 'clock'>,
): Promise<StepResult<'checkOff'>> {
  const source = find(input.provider);
  const { powerState } = await source.power(input.vm);
  if (powerState !== 'poweredOff')
    throw new TranshipError('source.contested', `the source ${input.vm} is ${powerState}`);
  // After the look at its power: what was started before is told by now.
  const start = input.lastStart === undefined ? undefined : await source.lastStart(input.vm);
  if (start && start.key > input.lastStart!)
    throw new TranshipError(
      'source.contested',
      `the source ${input.vm} ran since the final pass: ${start.by} started it at ${start.at}`,
    );
  return { powerState, at: stamp(clock) };
}

/** Also after the target was stopped: somebody may have started it since. */
export async function powerOn(
  find: Find,
  targetRuns: TargetRuns,
  input: StepInput<'powerOn'>,
  { clock, signal }: StepContext,
): Promise<StepResult<'powerOn'>> {
  const source = find(input.provider);
  const isOff = async () => ((await source.power(input.vm)).powerState === 'poweredOn' ? undefined : true);
  const late = { everyMs, deadlineMs: input.watchMs, clock, signal };
  if ((await isOff()) || (input.watchMs > 0 && (await poll(isOff, late)))) {
    const { namespace, name } = input.target;
    if (await targetRuns(input.target))
      throw new TranshipError(
        'target.runs',
        `${namespace}/${name} runs: its source ${input.vm} is not started beside it`,
      );
    signal.throwIfAborted();
    await source.powerOn(input.vm);
  }
  const on = async () => ((await source.power(input.vm)).powerState === 'poweredOn' ? true : undefined);
  if (await poll(on, { everyMs, deadlineMs: hardMs, clock, signal })) return { at: stamp(clock) };
  throw new TranshipError('vsphere.fault', `${input.vm} is not on ${hardMs / 1000} s after PowerOn`);
}
