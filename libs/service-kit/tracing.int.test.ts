import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Bus } from '@tranship/bus';
import { commandId, envelope, subjects, TranshipError } from '@tranship/contracts';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { NatsServer } from '../bus/testing/nats-server.ts';
import { baseConfig, type ServiceTable, startService } from './index.ts';
import { Collector } from './testing/collector.ts';
import { openSpan, span, startTracing, stopTracing } from './tracing.ts';

let server: NatsServer;
let bus: Bus;
let collector: Collector;
const refused = 'http://127.0.0.1:1';
const config = () =>
  baseConfig.parse({
    natsUrl: server.url,
    natsUser: server.user,
    natsPasswordFile: server.passwordFile,
    logLevel: 'silent',
  });

beforeAll(async () => {
  collector = await Collector.start();
  server = await NatsServer.start();
  bus = await Bus.open({ url: server.url, user: server.user, passwordFile: server.passwordFile, name: 'test', span });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await stopTracing();
  collector.spans.length = 0;
});
afterAll(async () => {
  await bus?.close();
  await server?.remove();
  collector?.stop();
});

/** A planner and an inventory as small as can be: a query appends and commands a step, whose report is taken. */
async function miniature(checkOff: NonNullable<ServiceTable['steps']>['checkOff']) {
  const reported = Promise.withResolvers<void>();
  const source = 'tranship/planner';
  const planner = await startService('planner', config(), async (_, { bus: own }) => ({
    commands: { report: async () => reported.resolve() },
    queries: {
      startPlan: async ({ name }) => {
        const [time, subject] = [new Date(), subjects.event('vm', name, 'vm-1')];
        await own.events.append(subject, [{ type: 'vm.admitted', data: {} }], 0, { source, time });
        const { events } = await own.events.readSubject(subject);
        const id = commandId(name, 'vm-1', 'checkOff', 1);
        const data = { migration: name, vm: 'vm-1', provider: 'vc' };
        const traceparent = events[0]?.traceparent;
        const command = envelope({ id, source, type: 'tranship.cmd.inventory.checkOff', time, traceparent, data });
        await own.commands.send(subjects.command('inventory', 'checkOff', name, 'vm-1'), command);
        return { migration: name };
      },
    },
  }));
  const worker = await startService('inventory', config(), async () => ({ steps: { checkOff } }));
  return { reported: reported.promise, stop: () => Promise.all([planner.stop(), worker.stop()]) };
}

describe('traces', () => {
  it('one trace from the request through query, append, command and step to the report', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url);
    await startTracing('tranship-test');
    const { reported, stop } = await miniature(async () => {
      throw new TranshipError('source.contested', 'somebody started it');
    });
    const request = openSpan({ name: 'POST /v1/plans/:name/start', kind: 'server' });
    await request.run(() => bus.query('startPlan', { name: 'm1' }));
    request.end({ 'http.response.status_code': 202 });
    await reported;
    await stop();
    await stopTracing();

    expect(new Set(collector.spans.map(({ traceId }) => traceId))).toEqual(
      new Set([request.traceparent?.slice(3, 35)]),
    );
    expect(new Set(collector.spans.map(({ service }) => service))).toEqual(new Set(['tranship-test']));
    const asked = ['query startPlan', 'query startPlan', 'POST /v1/plans/:name/start'];
    expect(collector.lineage(collector.named('append vm.admitted')[0])).toEqual(['append vm.admitted', ...asked]);
    expect(collector.lineage(collector.named('handle report')[0])).toEqual([
      'handle report',
      'send report',
      'step checkOff',
      'send checkOff',
      ...asked,
    ]);
    expect(collector.named('step checkOff')[0]).toMatchObject({
      failed: true,
      attributes: {
        'tranship.migration': 'm1',
        'tranship.vm': 'vm-1',
        'tranship.attempt': 1,
        'error.type': 'source.contested',
      },
    });
    expect(collector.named('POST /v1/plans/:name/start')[0]?.attributes['http.response.status_code']).toBe(202);
  });

  it('a command carries on the trace of its course, and names the request that moved it', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url);
    await startTracing('tranship-test');
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const request = openSpan({ name: 'POST cancel', kind: 'server' });
    const parts = { id: 'm2/vm-1/removeTarget/1', source: 'test', type: 'test', time: new Date(), data: {} };
    await request.run(() =>
      bus.commands.send(
        subjects.command('vm-builder', 'removeTarget', 'm2', 'vm-1'),
        envelope({ ...parts, traceparent }),
      ),
    );
    request.end();
    await stopTracing();
    expect(collector.named('send removeTarget')).toMatchObject([
      {
        traceId: '0af7651916cd43dd8448eb211c80319c',
        parentSpanId: 'b7ad6b7169203331',
        links: [{ traceId: request.traceparent?.slice(3, 35) }],
      },
    ]);
  });

  it('a collector that is away disturbs nothing', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', refused);
    vi.stubEnv('OTEL_BSP_SCHEDULE_DELAY', '20');
    await startTracing('tranship-test');
    const { reported, stop } = await miniature(async () => ({
      powerState: 'poweredOff',
      at: new Date().toISOString(),
    }));
    expect(await bus.query('startPlan', { name: 'm3' })).toEqual({ migration: 'm3' });
    await reported;
    await stop();
    const began = Date.now();
    await stopTracing();
    expect(Date.now() - began).toBeLessThan(3_000);
  });
});

describe('a process', () => {
  const script = `import { runService } from './index.ts'; import { z } from 'zod';
    await runService('planner', z.object({}), async () => ({ queries: {
      deletePlan: async (_, { log }) => { log.info({}, 'deleting'); return {}; } } }));`;

  /** A service of its own: answers one query and is told to end. */
  async function life(to: string) {
    const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      env: {
        ...process.env,
        TRANSHIP_NATS_URL: server.url,
        TRANSHIP_NATS_USER: server.user,
        TRANSHIP_NATS_PASSWORD_FILE: server.passwordFile,
        OTEL_EXPORTER_OTLP_ENDPOINT: to,
        OTEL_BSP_SCHEDULE_DELAY: '600000',
      },
    });
    const ended = once(child, 'exit');
    const said = { out: '', err: '' };
    child.stderr?.on('data', (part) => (said.err += part));
    await new Promise<void>((resolve) =>
      child.stdout?.on('data', (part) => {
        said.out += part;
        if (said.out.includes('"ready"')) resolve();
      }),
    );
    await bus.query('deletePlan', { name: 'p' });
    const began = Date.now();
    child.kill('SIGTERM');
    const [code] = await ended;
    return { code, ...said, ms: Date.now() - began };
  }

  it('sends at the drain what it still holds; its log lines name the trace', async () => {
    const { code, out } = await life(collector.url);
    expect(code).toBe(0);
    const line = out.split('\n').find((each) => each.includes('deleting'))!;
    expect(collector.spans).toMatchObject([{ name: 'query deletePlan', service: 'tranship-planner' }]);
    expect(JSON.parse(line)).toMatchObject({ trace_id: collector.spans[0]!.traceId });
  });

  it('ends in time, without a word, where the collector is away', async () => {
    const { code, err, ms } = await life(refused);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(ms).toBeLessThan(8_000);
  });
});
