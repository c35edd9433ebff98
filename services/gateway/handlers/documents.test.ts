import { documentExamples, planSchema, TranshipError } from '@tranship/contracts';
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

  it('documents - a merge patch changes what it names, and only the version that the request is for', async () => {
    const { send } = fixture();
    const { json } = await send('POST', '/v1/network-maps', {
      body: networkMap('nets', { tier: 'web', team: 'shop' }),
    });
    const { resourceVersion: version } = json.metadata as unknown as { resourceVersion: string };
    const patch = (body: object, headers: Record<string, string> = {}) =>
      send('PATCH', '/v1/network-maps/nets', { body, headers });
    const labels = { metadata: { labels: { tier: null, zone: 'a' } } };
    const type = { 'content-type': 'application/merge-patch+json' };
    const changed = await patch(labels, { ...type, 'if-match': `"${version}"` });
    expect(changed).toMatchObject({
      status: 200,
      json: { spec: networkMap('nets').spec, metadata: { generation: 2 } },
    });
    expect((changed.json.metadata as unknown as { labels: object }).labels).toEqual({ team: 'shop', zone: 'a' });
    expect(changed.headers.etag).not.toBe(`"${version}"`);
    expect((await send('GET', '/v1/network-maps/nets')).json).toEqual(changed.json);
    const stale = await patch({ spec: { entries: [] } }, { ...type, 'if-match': `"${version}"` });
    expect(stale).toMatchObject({ status: 409, json: { code: 'document.conflict' } });
    expect((await patch({ metadata: { resourceVersion: version } })).status).toBe(409);
    // A list is replaced whole; as plain JSON, and of whatever version, it is taken too.
    expect((await patch({ spec: { entries: [] } }, { 'if-match': '*' })).json).toMatchObject({ spec: { entries: [] } });
  });

  it('documents - a patch that leaves no valid document, names another, or is for none is refused', async () => {
    const { send, log } = fixture();
    await send('POST', '/v1/network-maps', { body: networkMap('nets') });
    const before = log.stored.filter(({ type }) => type === 'map.stored').length;
    const refused = async (body: object, status: number, more: object = {}) =>
      expect(await send('PATCH', '/v1/network-maps/nets', { body })).toMatchObject({ status, ...more });
    await refused({ spec: { source: null } }, 422, { json: { code: 'document.invalid', path: 'spec.source' } });
    await refused({ spec: { entrys: [] } }, 422, {
      json: { detail: expect.stringContaining('did you mean entries?') },
    });
    await refused({ metadata: { name: 'other' } }, 422, { json: { path: 'metadata.name' } });
    await refused({ kind: 'Plan' }, 422);
    await refused([], 422);
    expect((await send('PATCH', '/v1/network-maps/none', { body: {} })).status).toBe(404);
    expect((await send('PATCH', '/v1/network-maps/nets', { as: 'viewer', body: {} })).status).toBe(403);
    expect((await send('PATCH', '/v1/network-maps/nets', { yaml: 'spec: {}' })).status).toBe(422);
    expect(log.stored.filter(({ type }) => type === 'map.stored')).toHaveLength(before);
  });

  it('documents - a patch without a version is put on what is there, though somebody changes it meanwhile', async () => {
    let version = 1;
    let races = 2;
    const sent: object[] = [];
    const { send } = fixture({
      getPlan: () =>
        planSchema.parse({ ...plan('shop'), metadata: { name: 'shop', resourceVersion: String(version) } }),
      putPlan: (given) => {
        if (races-- > 0) {
          version++;
          throw new TranshipError('document.conflict', 'somebody else was faster');
        }
        sent.push(given);
        return given;
      },
    });
    const patch = { spec: { target: { namespace: 'other' } } };
    expect((await send('PATCH', '/v1/plans/shop', { body: patch })).status).toBe(200);
    expect(sent).toMatchObject([{ metadata: { resourceVersion: '3' }, spec: { target: { namespace: 'other' } } }]);
    races = 1;
    const headers = { 'if-match': '"3"' };
    expect((await send('PATCH', '/v1/plans/shop', { body: patch, headers })).status).toBe(409);
  });

  it.each([
    ['plans', 'getPlan', 'deletePlan', plan('shop')],
    ['providers', 'getProvider', 'deleteProvider', documentExamples.Provider],
  ] as const)(
    'documents - the version that a DELETE of %s names goes on to who keeps them',
    async (path, get, remove, given) => {
      const stored = { ...given, metadata: { ...given.metadata, resourceVersion: '7' } };
      const { send, asked } = fixture({ [get]: () => stored, [remove]: () => ({}) });
      const url = `/v1/${path}/${given.metadata.name}`;
      for (const match of ['"7"', '*'])
        expect((await send('DELETE', url, { as: 'admin', headers: { 'if-match': match } })).status).toBe(204);
      const { name } = given.metadata;
      const inputs = asked.filter((each) => each.name === remove).map(({ input }) => input);
      expect(inputs).toEqual([{ name, resourceVersion: '7' }, { name }]);
    },
  );

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
