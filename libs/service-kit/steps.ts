import type { Outcome } from '@tranship/bus';
import {
  commandId,
  type Envelope,
  envelope,
  envelopeSchema,
  type Report,
  type ServiceName,
  type StepName,
  steps,
  subjects,
  TranshipError,
} from '@tranship/contracts';
import { deadline } from './deadline.ts';
import type { Logger } from './logger.ts';
import type { Kit, ServiceTable, StepContext } from './table.ts';
import { span } from './tracing.ts';

/** `tranship.v1.cmd.<service>.<verb>.<id>...` */
const verbOf = (subject: string) => subject.split('.')[4] ?? '';

/** One command: runs its handler under the step's deadline and reports the outcome to the planner before it is acknowledged. */
export async function runCommand(
  service: ServiceName,
  table: ServiceTable,
  kit: Kit,
  shutdown: AbortSignal,
  message: Envelope,
  subject: string,
  redelivered: boolean,
): Promise<void> {
  const verb = verbOf(subject);
  const plain = table.commands?.[verb];
  const [migration = '', vm = '', , attempt] = message.id.split('/');
  const attributes = { 'tranship.migration': migration, 'tranship.vm': vm, 'tranship.attempt': Number(attempt) };
  const name = `${plain ? 'handle' : 'step'} ${verb}`;
  await span({ name, kind: 'consumer', parent: message.traceparent, attributes }, async (own) => {
    if (plain) return plain(message);
    const outcome = await runStep(service, table, kit, shutdown, message, verb as StepName, redelivered);
    if (outcome && !outcome.ok) own.fail(TranshipError.fromProblem(outcome.error));
  });
}

async function runStep(
  service: ServiceName,
  table: ServiceTable,
  kit: Kit,
  shutdown: AbortSignal,
  message: Envelope,
  step: StepName,
  redelivered: boolean,
): Promise<Outcome | undefined> {
  const handler = table.steps?.[step] as ((input: unknown, context: StepContext) => Promise<unknown>) | undefined;
  if (!handler) throw new TranshipError('service.internal', `${service} has no handler for ${step}`, { retry: false });
  const ids = parseId(message.id);
  const log = kit.log.child({ migration: ids.migration, vm: ids.vm, step, attempt: ids.attempt });
  const known = await kit.bus.outcomes.begin(ids);
  if (known.is === 'stale') return void log.warn({ newest: known.newest }, 'an older attempt came late: dropped');
  if (known.is === 'done') {
    // Its worker died, or its acknowledgement was lost, after the outcome was kept.
    log.info({}, 'step was done before: reported again');
    await report(service, kit, message, known.outcome);
    return known.outcome;
  }
  const over = new AbortController();
  const stale = superseded(kit, ids, over.signal);
  const late = deadline(kit.clock, step, over.signal);
  const signal = AbortSignal.any([shutdown, late.signal, stale]);
  const { moved } = late;
  const furthest = new Map<number, number>();
  const ended = await perform(
    handler,
    message.data,
    {
      ids,
      signal,
      log,
      begun: redelivered || ids.attempt > 1,
      clock: kit.clock,
      progress: (value) => {
        furthest.set(value.disk, Math.max(value.doneBytes, furthest.get(value.disk) ?? 0));
        progressOf(kit, ids)(value);
      },
      moved,
    },
    step,
  );
  over.abort();
  // Whatever that looked like from inside.
  const outcome: Outcome = ended.ok
    ? ended
    : { ok: false, error: late.signal.aborted ? problemOf(late.signal.reason) : ended.error, ...reachedBy(furthest) };
  if (stale.aborted) return void log.warn({}, 'step given up: a later attempt has begun');
  // A service that is going down reports nothing: the command is redelivered and found half done.
  if (!outcome.ok && shutdown.aborted) throw TranshipError.fromProblem(outcome.error);
  logOutcome(log, outcome);
  await kit.bus.outcomes.keep(ids, outcome);
  await report(service, kit, message, outcome);
  return outcome;
}

/** A worker looks so often whether what it does is still wanted. */
const lookMs = 1_000;

/** Aborts once a later attempt of the VM has begun; looks until the step is over. */
function superseded(
  { bus, clock }: Kit,
  { migration, vm, attempt }: StepContext['ids'],
  over: AbortSignal,
): AbortSignal {
  const stop = new AbortController();
  const look = async () => {
    while (!stop.signal.aborted) {
      await clock.sleep(lookMs, over);
      // Who cannot look goes on.
      const newest = await bus.outcomes.newest(migration, vm).catch(() => 0);
      if (newest > attempt) stop.abort(new TranshipError('service.unavailable', 'a later attempt has begun'));
    }
  };
  look().catch(() => {});
  return stop.signal;
}

/** A command that is given up is kept, and the planner hears of it as of a step that failed: else its course would stand. */
export async function giveUp(service: ServiceName, kit: Kit, subject: string, text: string, reason: unknown) {
  await kit.bus.bury(subject, text, reason);
  const command = stepCommand(subject, text);
  if (!command) return;
  const ids = parseId(command.id);
  const known = await kit.bus.outcomes.begin(ids);
  if (known.is === 'stale') return;
  const outcome: Outcome = known.is === 'done' ? known.outcome : { ok: false, error: problemOf(reason) };
  await kit.bus.outcomes.keep(ids, outcome);
  await report(service, kit, command, outcome);
}

/** Undefined for what is no step, or cannot even be read. */
function stepCommand(subject: string, text: string): Envelope | undefined {
  if (!(verbOf(subject) in steps)) return undefined;
  try {
    return envelopeSchema.parse(JSON.parse(text)) as Envelope;
  } catch {
    return undefined;
  }
}

const reachedBy = (furthest: ReadonlyMap<number, number>) =>
  furthest.size > 0 ? { reached: [...furthest].map(([disk, doneBytes]) => ({ disk, doneBytes })) } : {};
const problemOf = (error: unknown) => TranshipError.from(error).toProblem();

/** Tells the planner how a step ended. */
async function report(service: ServiceName, kit: Kit, command: Envelope, outcome: Outcome): Promise<void> {
  const { migration, vm, step, attempt } = parseId(command.id);
  const data: Report = { migration, vm, step, attempt, outcome };
  await kit.bus.commands.send(
    subjects.command('planner', 'report', migration, vm),
    envelope({
      id: `${command.id}/report`,
      source: `tranship/${service}`,
      type: 'tranship.cmd.planner.report',
      time: new Date(kit.clock.now()),
      traceparent: command.traceparent,
      data,
    }),
  );
}

async function perform(
  handler: (input: unknown, context: StepContext) => Promise<unknown>,
  data: unknown,
  context: StepContext,
  step: StepName,
): Promise<Outcome> {
  try {
    context.log.info({}, 'step begins');
    const result = await handler(steps[step].input.parse(data), context);
    return { ok: true, result: steps[step].result.parse(result) };
  } catch (error) {
    return { ok: false, error: problemOf(error) };
  }
}

function logOutcome(log: Logger, outcome: Outcome): void {
  if (outcome.ok) log.info({}, 'step done');
  else log.warn({ code: outcome.error.code, detail: outcome.error.detail }, 'step failed');
}

function progressOf(kit: Kit, { migration, vm }: { migration: string; vm: string }): StepContext['progress'] {
  return (value) => kit.bus.progress({ migration, vm, ...value });
}

function parseId(id: string): { migration: string; vm: string; step: StepName; attempt: number } {
  const [migration = '', vm = '', step = '', attempt = ''] = id.split('/');
  if (commandId(migration, vm, step, Number(attempt)) !== id)
    throw new TranshipError('service.internal', `not a command id: ${id}`);
  return { migration, vm, step: step as StepName, attempt: Number(attempt) };
}
