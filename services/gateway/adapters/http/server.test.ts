import { TranshipError } from '@tranship/contracts';
import { describe, expect, it } from 'vitest';
import { fixture, networkMap } from '../../testing/fixture.ts';

describe('door', () => {
  it('access - without a token nothing is told, and the write is an event', async () => {
    const { send, log } = fixture();
    const reading = await send('GET', '/v1/plans', { as: null });
    expect(reading.status).toBe(401);
    expect(reading.headers['www-authenticate']).toContain('Bearer');
    expect(log.stored).toEqual([]);
    expect((await send('POST', '/v1/plans', { as: 'unknown', body: {} })).json).toMatchObject({
      code: 'access.unauthenticated',
    });
    expect(log.stored).toMatchObject([{ type: 'access.denied', data: { who: 'anonymous', path: '/v1/plans' } }]);
  });

  it('access - each allow and deny of a write is an event; a viewer reads but does not write', async () => {
    const { send, log } = fixture();
    const denied = await send('POST', '/v1/network-maps', { as: 'viewer', body: networkMap('nets') });
    expect(denied.status).toBe(403);
    expect(denied.json).toMatchObject({ code: 'access.denied', detail: expect.stringContaining('needs operator') });
    await send('POST', '/v1/network-maps', { as: 'operator', body: networkMap('nets') });
    expect((await send('GET', '/v1/network-maps', { as: 'viewer' })).status).toBe(200);
    const accesses = log.stored.filter(({ type }) => type.startsWith('access.'));
    expect(accesses.map(({ type, subject, data }) => ({ type, subject, data }))).toEqual([
      {
        type: 'access.denied',
        subject: 'tranship.v1.evt.access.vera.2026-01-01',
        data: { who: 'vera', verb: 'POST', path: '/v1/network-maps', why: expect.any(String) },
      },
      {
        type: 'access.allowed',
        subject: 'tranship.v1.evt.access.otto.2026-01-01',
        data: { who: 'otto', verb: 'POST', path: '/v1/network-maps' },
      },
    ]);
  });

  it('access - many writes at once are all recorded', async () => {
    const { send, log } = fixture();
    const names = Array.from({ length: 15 }, (_, i) => `n${i}`);
    const answers = await Promise.all(
      names.map((name) => send('POST', '/v1/network-maps', { body: networkMap(name) })),
    );
    expect(answers.map(({ status }) => status)).toEqual(names.map(() => 201));
    expect(log.stored.filter(({ type }) => type === 'access.allowed')).toHaveLength(15);
  });

  it('access - whoever knocks without a token fills no log: ten a minute are told, the rest is counted', async () => {
    const { send, log, clock, accesses } = fixture();
    const stop = new AbortController();
    const settling = accesses.settle(stop.signal).catch(() => {});
    const knock = (n: number) => Promise.all(Array.from({ length: n }, () => send('POST', '/v1/plans', { as: null })));
    expect((await knock(30)).every(({ status }) => status === 401)).toBe(true);
    expect(log.stored).toHaveLength(10);
    await clock.advance(60_000);
    expect(log.stored.slice(10)).toMatchObject([
      { type: 'access.denied', data: { why: '20 more requests from 127.0.0.1' } },
    ]);
    await knock(5);
    await clock.advance(60_000);
    expect(log.stored).toHaveLength(16);
    stop.abort();
    await settling;
  });

  it('errors - of a service keep code, detail and fix; the trace goes on', async () => {
    const { send } = fixture({
      testProvider: () => {
        throw new TranshipError('vsphere.login', 'root@vc.example.com');
      },
    });
    const trace = '0af7651916cd43dd8448eb211c80319c';
    const { status, json } = await send('POST', '/v1/providers/vc1/test', {
      headers: { traceparent: `00-${trace}-b7ad6b7169203331-01` },
    });
    expect(status).toBe(502);
    expect(json).toMatchObject({ code: 'vsphere.login', status: 502, detail: 'root@vc.example.com', traceId: trace });
    expect(json.fix).toContain('provider create');
  });

  it('errors - what is not ours stays inside', async () => {
    const { send } = fixture({
      listPlans: () => {
        throw new Error('secret inside');
      },
    });
    const { status, text, json } = await send('GET', '/v1/plans');
    expect(status).toBe(500);
    expect(json).toMatchObject({ code: 'service.internal' });
    expect(text).not.toContain('secret inside');
  });

  it('errors - no JSON, too large, another type, unknown paths: each a problem', async () => {
    const { send } = fixture();
    const post = (body: string, type: string) =>
      send('POST', '/v1/network-maps', { yaml: body, headers: { 'content-type': type } });
    expect((await post('{', 'application/json')).json).toMatchObject({ code: 'document.invalid', status: 400 });
    expect((await post('x'.repeat(1100000), 'application/yaml')).json).toMatchObject({ status: 413 });
    expect((await post('x', 'text/plain')).json).toMatchObject({ status: 415 });
    expect((await send('GET', '/v1/nothing')).json).toMatchObject({ code: 'document.not-found', status: 404 });
  });

  it('health - ready once the projection has caught up; metrics count requests', async () => {
    const { send, maps } = fixture();
    expect((await send('GET', '/readyz', { as: null })).status).toBe(503);
    const stop = new AbortController();
    const following = maps.follow(stop.signal);
    expect((await send('GET', '/readyz', { as: null })).status).toBe(200);
    expect((await send('GET', '/healthz', { as: null })).text).toBe('ok\n');
    const { text } = await send('GET', '/metrics', { as: null });
    expect(text).toContain('tranship_gateway_request_seconds_count{method="GET",route="/readyz",status="503"} 1');
    stop.abort();
    await following;
  });

  it('openapi - every path with its shapes, and no dangling reference', async () => {
    const { send } = fixture();
    const { json, text } = await send('GET', '/v1/openapi.json', { as: null });
    const { paths, components } = json as never as { paths: Record<string, object>; components: { schemas: object } };
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining(['/v1/plans/{name}/start', '/v1/migrations/{id}/vms/{vm}/cancel', '/v1/events']),
    );
    type Operation = { parameters: { name: string; in: string }[]; requestBody?: { content: object } };
    const operations = Object.entries(paths as Record<string, Record<string, Operation>>).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ id: `${method} ${path}`, ...operation })),
    );
    const heeding = (header: string) =>
      operations.flatMap(({ id, parameters }) => (parameters.some(({ name }) => name === header) ? [id] : []));
    const kinds = ['providers', 'network-maps', 'storage-maps', 'plans'];
    // A header is described where it is read, and nowhere else.
    expect(heeding('Idempotency-Key').sort()).toEqual(
      [...kinds.map((kind) => `post /v1/${kind}`), 'post /v1/plans/{name}/start'].sort(),
    );
    expect(heeding('If-Match').sort()).toEqual(
      kinds.flatMap((kind) => ['put', 'patch', 'delete'].map((method) => `${method} /v1/${kind}/{name}`)).sort(),
    );
    const patch = operations.find(({ id }) => id === 'patch /v1/plans/{name}');
    expect(Object.keys(patch?.requestBody?.content ?? {})).toContain('application/merge-patch+json');
    const names = new Set([...text.matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name));
    expect([...names].filter((name) => !Object.hasOwn(components.schemas, name!))).toEqual([]);
    expect(text).not.toContain('$defs');
    expect((await send('GET', '/v1/schemas/Plan')).text).toContain('"shutdown"');
  });
});
