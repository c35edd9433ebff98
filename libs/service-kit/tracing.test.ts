import { envelope, envelopeSchema } from '@tranship/contracts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { currentTraceparent, openSpan, span, startTracing, stopTracing, traceFields } from './tracing.ts';

const given = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const idOf = (traceparent: string | undefined) => traceparent?.slice(3, 35);
/** A message that carries a traceparent, as it comes out of the wire. */
const overTheWire = (traceparent: string | undefined) => {
  const parts = { id: 'm/v/copy/1', source: 'test', type: 'test', time: new Date(0), data: {} };
  return envelopeSchema.parse(JSON.parse(JSON.stringify(envelope({ ...parts, traceparent })))).traceparent;
};

describe('tracing - off', () => {
  it('a traceparent is handed on as it came, and nothing is begun', async () => {
    await startTracing('test');
    const seen = await span(
      { name: 'handle', kind: 'consumer', parent: given },
      async ({ traceparent }) => traceparent,
    );
    expect(overTheWire(seen)).toBe(given);
    expect(await span({ name: 'send', kind: 'producer' }, async ({ traceparent }) => traceparent)).toBeUndefined();
    expect([currentTraceparent(), traceFields()]).toEqual([undefined, {}]);
  });
});

describe('tracing - on', () => {
  beforeAll(async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://127.0.0.1:1');
    // Contexts are made, but there is nothing to send.
    vi.stubEnv('OTEL_TRACES_SAMPLER', 'always_off');
    await startTracing('test');
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await stopTracing();
  });

  it('an envelope carries the sender span; the worker and its report go on in that trace', async () => {
    const sent = await span({ name: 'send', kind: 'producer', parent: given }, async ({ traceparent }) => traceparent);
    expect(idOf(sent)).toBe(idOf(given));
    expect(sent).not.toBe(given);
    await span({ name: 'step copy', kind: 'consumer', parent: overTheWire(sent) }, async (step) => {
      expect(currentTraceparent()).toBe(step.traceparent);
      expect(traceFields()).toEqual({ trace_id: idOf(given) });
      const report = await span(
        { name: 'send report', kind: 'producer', parent: sent },
        async (own) => own.traceparent,
      );
      expect(idOf(report)).toBe(idOf(given));
    });
    expect(currentTraceparent()).toBeUndefined();
  });

  it('a parent of another trace wins over the present one', async () => {
    await span({ name: 'cancel', kind: 'server' }, async (request) => {
      expect(idOf(request.traceparent)).not.toBe(idOf(given));
      const command = await span({ name: 'send', kind: 'producer', parent: given }, async (own) => own.traceparent);
      expect(idOf(command)).toBe(idOf(given));
    });
  });

  it.each(['', 'nonsense', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`])(
    'a bad traceparent begins a new trace: %j',
    (bad) => {
      const own = openSpan({ name: 'request', kind: 'server', parent: bad });
      own.end();
      expect(own.traceparent).toMatch(/^00-(?!0{32})[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    },
  );

  it('a throw passes through', async () => {
    const failing = span({ name: 'query', kind: 'client' }, () => Promise.reject(new Error('away')));
    await expect(failing).rejects.toThrow('away');
  });
});
