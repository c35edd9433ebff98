import { TranshipError } from '@tranship/contracts';
import { describe, expect, it } from 'vitest';
import { fixture, networkMap, plan } from '../testing/fixture.ts';

describe('documents', () => {
  it('documents - a map is created, read, listed, replaced and deleted', async () => {
    const { send, log } = fixture();
    const created = await send('POST', '/v1/network-maps', { body: networkMap('nets') });
    expect(created.status).toBe(201);
    expect(created.headers.location).toBe('/v1/network-maps/nets');
    const version = (created.json as { metadata?: { resourceVersion: string } }).metadata?.resourceVersion;
    expect(created.headers.etag).toBe(`"${version}"`);
    expect((await send('GET', '/v1/network-maps/nets')).json).toEqual(created.json);

    const changed = { ...networkMap('nets'), spec: { source: 'vc2', entries: [] } };
    const replaced = await send('PUT', '/v1/network-maps/nets', {
      body: changed,
      headers: { 'if-match': `"${version}"` },
    });
    expect(replaced.status).toBe(200);
    expect(replaced.json.metadata).toMatchObject({ generation: 2 });
    expect((await send('GET', '/v1/network-maps')).json).toEqual({ items: [replaced.json] });

    expect((await send('DELETE', '/v1/network-maps/nets')).status).toBe(204);
    expect((await send('GET', '/v1/network-maps/nets')).json).toMatchObject({ code: 'document.not-found' });
    const facts = log.stored.filter(({ subject }) => subject === 'tranship.v1.evt.map.NetworkMap.nets');
    expect(facts.map(({ type }) => type)).toEqual(['map.stored', 'map.stored', 'map.removed']);
  });

  it('documents - a stale version is refused and changes nothing', async () => {
    const { send } = fixture();
    const { json } = await send('POST', '/v1/network-maps', { body: networkMap('nets') });
    const stale = await send('PUT', '/v1/network-maps/nets', {
      body: networkMap('nets', { a: 'b' }),
      headers: { 'if-match': '"999"' },
    });
    expect(stale.status).toBe(409);
    expect(stale.json).toMatchObject({ code: 'document.conflict' });
    const withBody = { ...networkMap('nets'), metadata: { name: 'nets', resourceVersion: '999' } };
    expect((await send('PUT', '/v1/network-maps/nets', { body: withBody })).status).toBe(409);
    const removal = await send('DELETE', '/v1/network-maps/nets', { headers: { 'if-match': '"999"' } });
    expect(removal.status).toBe(409);
    expect((await send('GET', '/v1/network-maps/nets')).json).toEqual(json);
  });

  it('documents - storing the same again writes no event', async () => {
    const { send } = fixture();
    const first = await send('PUT', '/v1/network-maps/nets', { body: networkMap('nets') });
    const second = await send('PUT', '/v1/network-maps/nets', { body: networkMap('nets') });
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.json).toEqual(first.json);
  });

  it('documents - a taken name is refused, but the same request by its Idempotency-Key is answered again', async () => {
    const { send } = fixture();
    await send('POST', '/v1/network-maps', { body: networkMap('nets') });
    expect((await send('POST', '/v1/network-maps', { body: networkMap('nets') })).status).toBe(409);
    const again = await send('POST', '/v1/network-maps', {
      body: networkMap('nets'),
      headers: { 'idempotency-key': 'k' },
    });
    expect(again.status).toBe(200);
  });

  it('documents - lists are paged and chosen by label', async () => {
    const { send } = fixture();
    for (const [name, tier] of [
      ['c', 'web'],
      ['a', 'web'],
      ['b', 'db'],
    ] as const)
      await send('POST', '/v1/network-maps', { body: networkMap(name, { tier }) });
    const first = (await send('GET', '/v1/network-maps?limit=2')).json as never as { items: []; continue: string };
    expect(first.items.map(({ metadata: { name } }) => name)).toEqual(['a', 'b']);
    const rest = (await send('GET', `/v1/network-maps?limit=2&continue=${first.continue}`)).json;
    expect(rest).toMatchObject({ items: [{ metadata: { name: 'c' } }] });
    expect(rest).not.toHaveProperty('continue');
    const web = (await send('GET', '/v1/network-maps?labelSelector=tier%3Dweb')).json as never as { items: [] };
    expect(web.items).toHaveLength(2);
    expect((await send('GET', '/v1/network-maps?labelSelector=%3D%3D')).status).toBe(422);
  });

  it('documents - an unknown field is 422 with its path and the nearest known one', async () => {
    const { send } = fixture();
    const body = { ...networkMap('nets'), spec: { source: 'vc1', entrys: [], entries: [] } };
    const { status, json, headers } = await send('POST', '/v1/network-maps', { body });
    expect(status).toBe(422);
    expect(headers['content-type']).toContain('application/problem+json');
    expect(json).toMatchObject({ code: 'document.invalid', path: 'spec.entrys' });
    expect(json.detail).toContain('did you mean entries?');
    expect(json.traceId).toMatch(/^[0-9a-f]{32}$/);
    const asYaml = await send('POST', '/v1/network-maps', {
      yaml: 'apiVersion: tranship.dev/v1\nkind: NetworkMap\nmetadata: {name: n}\nspec:\n  source: vc1\n  entries: []\n  entrys: []\n',
    });
    expect(asYaml.json.detail).toContain('(line 7)');
  });

  it('documents - a plan goes to the planner, without what only the server may say', async () => {
    const { send, asked } = fixture({
      getPlan: () => {
        throw new TranshipError('document.not-found', 'there is no plan shop');
      },
      putPlan: (given) => ({ ...given, metadata: { ...given.metadata, resourceVersion: '7' } }),
    });
    const body = { ...plan('shop'), metadata: { name: 'shop', generation: 9 }, status: { mine: true } };
    const { status, headers } = await send('PUT', '/v1/plans/shop', { as: 'operator', body });
    expect(status).toBe(201);
    expect(headers.etag).toBe('"7"');
    const sent = asked.find(({ name }) => name === 'putPlan')!.input as { metadata: object };
    expect(sent.metadata).toEqual({ name: 'shop' });
    expect(sent).not.toHaveProperty('status');
  });

  it('documents - another kind, another name, two documents: refused', async () => {
    const { send } = fixture();
    expect((await send('POST', '/v1/plans', { body: networkMap('nets') })).status).toBe(422);
    expect((await send('PUT', '/v1/network-maps/other', { body: networkMap('nets') })).status).toBe(422);
    const two = `${JSON.stringify(networkMap('a'))}\n---\n${JSON.stringify(networkMap('b'))}`;
    expect((await send('POST', '/v1/network-maps', { yaml: two })).json.detail).toContain('2 documents');
  });
});
