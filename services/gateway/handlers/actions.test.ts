import { type MigrationStatus, planSchema, queryExamples, type VmReport } from '@tranship/contracts';
import { describe, expect, it } from 'vitest';
import { fixture, plan } from '../testing/fixture.ts';

const migration: MigrationStatus = {
  id: 'shop-1',
  plan: 'shop',
  state: 'running',
  started: '2026-01-01T00:00:00.000Z',
  vms: [],
};

describe('actions', () => {
  it('plans - start answers 202 with the address of the migration and hands the key on', async () => {
    const { send, asked } = fixture({ startPlan: () => ({ migration: 'shop-1' }) });
    const { status, headers, json } = await send('POST', '/v1/plans/shop/start?readyOnly=true', {
      as: 'operator',
      headers: { 'idempotency-key': 'k1' },
    });
    expect(status).toBe(202);
    expect(headers.location).toBe('/v1/migrations/shop-1');
    expect(json).toEqual({ migration: 'shop-1' });
    expect(asked).toEqual([{ name: 'startPlan', input: { name: 'shop', readyOnly: true, key: 'k1' } }]);
    await send('POST', '/v1/plans/shop/start', { body: { readyOnly: true } });
    expect(asked[1]?.input).toEqual({ name: 'shop', readyOnly: true });
    const wrong = await send('POST', '/v1/plans/shop/start', { body: { redyOnly: true } });
    expect(wrong.json).toMatchObject({ status: 422, path: 'redyOnly' });
    expect(wrong.json.detail).toContain('did you mean readyOnly?');
  });

  it('plans - start takes an empty JSON body', async () => {
    const { send } = fixture({ startPlan: () => ({ migration: 'shop-1' }) });
    const { status } = await send('POST', '/v1/plans/shop/start', { headers: { 'content-type': 'application/json' } });
    expect(status).toBe(202);
  });

  it('plans - archive answers 202 with the plan, for who may operate', async () => {
    const archived = planSchema.parse({ ...plan('shop'), status: { archived: '2026-01-01T00:00:00.000Z' } });
    const { send, asked } = fixture({ archivePlan: () => archived });
    const { status, headers, json } = await send('POST', '/v1/plans/shop/archive', { as: 'operator' });
    expect(status).toBe(202);
    expect(headers.location).toBe('/v1/plans/shop');
    expect(json).toMatchObject({ status: { archived: '2026-01-01T00:00:00.000Z' } });
    expect((await send('POST', '/v1/plans/shop/archive', { as: 'viewer' })).status).toBe(403);
    expect(asked).toEqual([{ name: 'archivePlan', input: { name: 'shop' } }]);
  });

  it('rehearsals - told as JSON, the evidence as it was stored; what left none is not found', async () => {
    const { result } = queryExamples.rehearsal;
    const { send, asked } = fixture({ rehearsal: () => result as never, actOnMigration: () => migration });
    const at = '/v1/migrations/shop-1/vms/web-01';
    expect((await send('POST', `${at}/rehearse`, { as: 'operator' })).status).toBe(202);
    expect(asked[0]?.input).toEqual({ name: 'shop-1', vm: 'web-01', verb: 'rehearse' });
    expect((await send('GET', `${at}/rehearsal`, { as: 'viewer' })).json).toEqual(result);
    const console = await send('GET', `${at}/rehearsal/console`, { as: 'viewer' });
    expect(console.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(console.text).toBe(`bytes of ${result.boot?.console}`);
    expect((await send('GET', `${at}/rehearsal/screen`, { as: 'viewer' })).headers['content-type']).toBe('image/png');
    const none = fixture({ rehearsal: () => ({ pass: 1, passed: false }) });
    const { status, json } = await none.send('GET', `${at}/rehearsal/screen`, { as: 'viewer' });
    expect([status, json]).toEqual([404, expect.objectContaining({ code: 'rehearsal.none' })]);
  });

  it('plans - preview asks the planner for the targets and the builder for the objects', async () => {
    const connection = { provider: 'vc1', url: 'https://vc', thumbprint: 'AA', secret: 'vc1', method: 'auto' } as const;
    const target = {
      ...{ name: 'web-01', namespace: 'apps', cpus: 1, coresPerSocket: 1, memoryMB: 512, firmware: 'bios' },
      ...{ disks: [], nics: [], runStrategy: 'Always', labels: {}, annotations: {}, nodeSelector: {} },
    } as const;
    const { send, asked } = fixture({
      getPlan: () => planSchema.parse(plan('shop')),
      targetsOf: () => ({ targets: [target] as never }),
      connection: () => connection,
      previewPlan: ({ targets }) => ({ objects: targets.map(() => ({ kind: 'VirtualMachine' })) }),
    });
    const { json } = await send('POST', '/v1/preview?vm=web-01', { as: 'viewer', body: plan('shop') });
    expect(json).toEqual({ objects: [{ kind: 'VirtualMachine' }] });
    expect(asked.map(({ name }) => name)).toEqual(['targetsOf', 'connection', 'previewPlan']);
    expect(asked[0]?.input).toMatchObject({ vm: 'web-01', plan: { kind: 'Plan' } });
    expect(asked[2]?.input).toEqual({ targets: [target], connection });
    asked.length = 0;
    await send('POST', '/v1/plans/shop/preview', { as: 'viewer' });
    expect(asked.map(({ name, input }) => [name, input]).slice(0, 3)).toEqual([
      ['getPlan', { name: 'shop' }],
      ['targetsOf', { name: 'shop' }],
      ['connection', { name: 'vc1' }],
    ]);
  });

  it('migrations - actions name the migration, and the VM where one is given', async () => {
    const { send, asked } = fixture({ actOnMigration: () => migration, timeline: () => ({ items: [] }) });
    expect((await send('POST', '/v1/migrations/shop-1/cancel')).status).toBe(202);
    expect((await send('POST', '/v1/migrations/shop-1/vms/vm-42/retry')).status).toBe(202);
    expect((await send('GET', '/v1/migrations/shop-1/vms/vm-42/timeline')).status).toBe(200);
    expect(asked.map(({ input }) => input)).toEqual([
      { name: 'shop-1', verb: 'cancel' },
      { name: 'shop-1', verb: 'retry', vm: 'vm-42' },
      { name: 'shop-1', vm: 'vm-42' },
    ]);
    expect((await send('POST', '/v1/migrations/shop-1/explode')).status).toBe(404);
  });

  it('migrations - throttle hands the rate on, or that there is none; nothing else will do', async () => {
    const { send, asked } = fixture({ actOnMigration: () => migration });
    expect((await send('POST', '/v1/migrations/shop-1/throttle', { body: { mbps: 40 } })).status).toBe(202);
    expect((await send('POST', '/v1/migrations/shop-1/vms/vm-42/throttle', { body: { mbps: null } })).status).toBe(202);
    expect(asked.map(({ input }) => input)).toEqual([
      { name: 'shop-1', verb: 'throttle', mbps: 40 },
      { name: 'shop-1', verb: 'throttle', vm: 'vm-42', mbps: null },
    ]);
    for (const body of [undefined, {}, { mbps: 0 }, { mbps: -1 }, { mbps: '40' }, { mbps: 1, force: true }])
      expect((await send('POST', '/v1/migrations/shop-1/throttle', { body })).status).toBe(422);
  });

  it('migrations - the report of one VM is there for everybody who may look', async () => {
    const { result } = queryExamples.report;
    const { send, asked } = fixture({ report: () => result as VmReport });
    const { status, json } = await send('GET', '/v1/migrations/shop-1/vms/web-01/report', { as: 'viewer' });
    expect([status, json]).toEqual([200, result]);
    expect(asked).toEqual([{ name: 'report', input: { name: 'shop-1', vm: 'web-01' } }]);
  });

  it('migrations - are listed by pages of the planner, of one plan too', async () => {
    const { send, asked } = fixture({ listMigrations: () => ({ items: [migration], continue: 'next' }) });
    expect((await send('GET', '/v1/migrations')).json).toEqual({ items: [migration], continue: 'next' });
    await send('GET', '/v1/migrations?plan=shop&limit=5&continue=here');
    expect(asked.map(({ input }) => input)).toEqual([{ limit: 500 }, { plan: 'shop', limit: 5, continue: 'here' }]);
  });

  it('providers - inventory pages are handed through', async () => {
    const { send, asked } = fixture({ networks: () => ({ items: [], continue: 'next' }) });
    const { json } = await send('GET', '/v1/providers/vc1/inventory/networks?limit=5&continue=here');
    expect(json).toEqual({ items: [], continue: 'next' });
    expect(asked[0]?.input).toEqual({ provider: 'vc1', limit: 5, continue: 'here' });
    expect((await send('GET', '/v1/providers/vc1/inventory/networks?limt=5')).json.detail).toContain('limit?');
  });

  it('secrets - are stored by an administrator and appear in no answer and no event', async () => {
    const { send, log, asked } = fixture({ putSecret: () => ({}) });
    const body = { name: 'vc1', username: 'root', password: 'hunter2' };
    const { status, text } = await send('POST', '/v1/secrets', { body });
    expect(status).toBe(201);
    expect(asked[0]?.input).toEqual({ name: 'vc1', data: { username: 'root', password: 'hunter2' } });
    const wrong = await send('POST', '/v1/secrets', { body: { ...body, pasword: 'hunter2' } });
    expect(wrong.status).toBe(422);
    expect(text + wrong.text + JSON.stringify(log.stored)).not.toContain('hunter2');
    expect((await send('POST', '/v1/secrets', { as: 'operator', body })).status).toBe(403);
  });
});
