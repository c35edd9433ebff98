import type { AddressInfo } from 'node:net';
import { TranshipError } from '@tranship/contracts';
import { currentTraceparent } from '@tranship/service-kit';
import { Collector, startTracing, stopTracing } from '@tranship/service-kit/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { fixture } from '../../testing/fixture.ts';

describe('trace of a request', () => {
  let collector: Collector;
  const asking: (string | undefined)[] = [];
  const { app } = fixture({
    fetchCa: () => {
      asking.push(currentTraceparent());
      throw new TranshipError('service.unavailable', 'away');
    },
  });
  /** Over a real connection: there the body comes in a context of its own. */
  async function send(path: string, headers: Record<string, string> = {}) {
    const { port } = app.server.address() as AddressInfo;
    const post = { method: 'POST', body: JSON.stringify({ url: 'https://vc.example.com' }) };
    const more = { authorization: 'Bearer admin-token', 'content-type': 'application/json', ...headers };
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      ...(path.startsWith('/v1/') ? post : {}),
      headers: more,
    });
    return { trace: answer.headers.get('x-trace-id'), text: await answer.text() };
  }

  beforeAll(async () => {
    collector = await Collector.start();
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url);
    await startTracing('test');
    await app.listen({ host: '127.0.0.1', port: 0 });
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await app.close();
    collector.stop();
  });

  it('is the one that the answer names, goes on from the caller, and holds route and status; probes have none', async () => {
    const own = await send('/v1/fetch-ca');
    const given = '0af7651916cd43dd8448eb211c80319c';
    const theirs = await send('/v1/fetch-ca', { traceparent: `00-${given}-b7ad6b7169203331-01` });
    await send('/healthz');
    expect(theirs.trace).toBe(given);
    expect(asking.map((each) => each?.slice(3, 35))).toEqual([own.trace, given]);
    expect(JSON.parse(own.text)).toMatchObject({ traceId: own.trace });
    await stopTracing();
    expect(collector.spans).toMatchObject([
      { name: 'POST /v1/fetch-ca', traceId: own.trace, failed: true },
      {
        traceId: given,
        parentSpanId: 'b7ad6b7169203331',
        attributes: {
          'http.request.method': 'POST',
          'http.route': '/v1/fetch-ca',
          'http.response.status_code': 503,
          'error.type': 'service.unavailable',
        },
      },
    ]);
  });
});
