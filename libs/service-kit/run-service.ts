import { once } from 'node:events';
import { Bus, workbenchConsumer } from '@tranship/bus';
import { inWorkbench, type QueryName, type ServiceName, subjects, TranshipError } from '@tranship/contracts';
import type { z } from 'zod';
import { type Clock, systemClock } from './clock.ts';
import { type BaseConfig, loadConfig } from './config.ts';
import { serveHealth } from './health.ts';
import { createLogger, errorFields, type Logger } from './logger.ts';
import { giveUp, runCommand } from './steps.ts';
import type { Kit, ServiceTable } from './table.ts';
import { span, startTracing, stopTracing } from './tracing.ts';

/** A running service; `stop` drains it. */
export interface Running {
  readonly table: ServiceTable;
  stop(): Promise<void>;
  /** Rejects when a consumer ends against our will. */
  readonly failed: Promise<never>;
}

/** Starts a service in this process: connects, answers its queries, takes its commands. */
export async function startService<C extends BaseConfig>(
  name: ServiceName,
  config: C,
  build: (config: C, kit: Kit) => Promise<ServiceTable>,
  clock: Clock = systemClock,
): Promise<Running> {
  const log = createLogger(name, config.logLevel);
  let ready = async () => false;
  const health = await serveHealth(config.httpPort, () => ready());
  const bus = await Bus.open({
    url: config.natsUrl,
    user: config.natsUser,
    passwordFile: config.natsPasswordFile,
    caFile: config.natsCaFile,
    replicas: config.natsReplicas,
    makeStreams: !inWorkbench.includes(name),
    name: `tranship-${name}`,
    span,
    clock,
  });
  const kit: Kit = { bus, log, clock, query: (query, input) => bus.query(query, input) };
  const shutdown = new AbortController();
  const table = await build(config, kit);
  for (const [query, handler] of Object.entries(table.queries ?? {})) {
    bus.serve(
      query as QueryName,
      (input) => (handler as (i: unknown, c: object) => Promise<never>)(input, { log, clock }),
      shutdown.signal,
    );
  }
  const loops = Object.entries(table.background ?? {}).map(([what, loop]) =>
    supervise(what, loop, shutdown.signal, log, clock),
  );
  const closed = new AbortController();
  const working = AbortSignal.any([shutdown.signal, closed.signal]);
  const consuming = table.steps || table.commands ? consume(name, table, kit, working) : undefined;
  const { scope } = table;
  if (scope) {
    const close = async () => {
      closed.abort(new TranshipError('service.unavailable', `${name} was told to close`));
      await consuming;
    };
    bus.workbenches.onClose(name, scope.migration, scope.vm, close, shutdown.signal);
  }
  // Only now the server knows what is asked of us.
  await bus.settled();
  ready = async () => bus.connected && ((await table.ready?.()) ?? true);
  log.info({}, 'ready');
  return {
    table,
    failed: new Promise((_, reject) => consuming?.catch(reject)),
    stop: async () => {
      shutdown.abort(new TranshipError('service.unavailable', `${name} is shutting down`));
      await Promise.allSettled([consuming, ...loops]);
      await table.stop?.();
      health?.close();
      await bus.close();
    },
  };
}

/** The main of every service: settings from file and environment, `--check-config`, drain on SIGTERM. */
export async function runService<S extends z.ZodRawShape>(
  name: ServiceName,
  schema: z.ZodObject<S>,
  build: (config: z.infer<z.ZodObject<S>> & BaseConfig, kit: Kit) => Promise<ServiceTable>,
): Promise<void> {
  try {
    const config = loadConfig(schema, process.argv, process.env);
    if (process.argv.includes('--check-config')) return void console.log('configuration is valid');
    await startTracing(`tranship-${name}`);
    const running = await startService(name, config, build);
    await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT'), running.failed]);
    await running.stop();
  } catch (error) {
    const { code, detail, fix } = TranshipError.from(error).toProblem();
    console.error(JSON.stringify({ service: name, code, detail, fix }));
    process.exitCode = 1;
  } finally {
    await stopTracing();
    // What still holds the event loop after the drain is not worth waiting for.
    setTimeout(() => process.exit(), 2_000).unref();
  }
}

async function consume(name: ServiceName, table: ServiceTable, kit: Kit, signal: AbortSignal): Promise<void> {
  const { scope } = table;
  const options = scope
    ? {
        durable: workbenchConsumer(name, scope.migration, scope.vm),
        filter: subjects.commandsOf(name, scope.migration, scope.vm),
        inactiveMs: 600_000,
      }
    : { durable: name, filter: subjects.commands(name) };
  await kit.bus.commands.consume(
    { concurrency: table.concurrency ?? 16, ...options },
    (message, subject, redelivered) => runCommand(name, table, kit, signal, message, subject, redelivered),
    (subject, message, error) => giveUp(name, kit, subject, message, error),
    signal,
  );
}

async function supervise(
  what: string,
  loop: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
  log: Logger,
  clock: Clock,
): Promise<void> {
  for (let failures = 0; !signal.aborted; failures++) {
    const began = clock.now();
    await loop(signal).catch((error: unknown) => {
      if (!signal.aborted)
        log.error({ loop: what, ...errorFields(error) }, 'background loop failed; it is started again');
    });
    if (clock.now() - began > 60_000) failures = 0;
    if (!signal.aborted) await clock.sleep(Math.min(500 * 2 ** failures, 30_000), signal).catch(() => {});
  }
}
