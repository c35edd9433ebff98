import { subjects } from '@tranship/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { type Fixture, fixture } from '../testing/fixture.ts';

const open: Fixture[] = [];
afterEach(async () => {
  for (const { app, streams } of open.splice(0)) {
    streams.close();
    await app.close();
  }
});

const context = { source: 'test', time: new Date('2026-01-01T00:00:00Z') };
const vm = (log: Fixture['log'], migration: string, id: string) =>
  log.append(subjects.event('vm', migration, id), [{ type: 'vm.admitted', data: {} }], 0, context);

async function started(): Promise<Fixture & { get(path: string, headers?: Record<string, string>): Promise<Reader> }> {
  const made = fixture();
  open.push(made);
  const address = await made.app.listen({ host: '127.0.0.1', port: 0 });
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const authorization = headers.authorization ?? 'Bearer admin-token';
    const response = await fetch(`${address}${path}`, { headers: { ...headers, authorization } });
    return new Reader(response);
  };
  return { ...made, get };
}

/** Reads frames until a given number of them has come. */
class Reader {
  readonly #response: Response;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #text = '';

  constructor(response: Response) {
    this.#response = response;
    this.#reader = response.body!.getReader();
  }

  get type(): string | null {
    return this.#response.headers.get('content-type');
  }

  async frames(count: number): Promise<Record<string, string>[]> {
    for (;;) {
      const parts = this.#text.split('\n\n').slice(0, -1);
      const frames = parts.map(fields).filter((frame) => frame.event && frame.event !== 'caught-up');
      if (frames.length >= count) {
        await this.#reader.cancel();
        return frames;
      }
      const { value, done } = await this.#reader.read();
      if (done) return frames;
      this.#text += Buffer.from(value).toString();
    }
  }
}

const fields = (frame: string) =>
  Object.fromEntries(frame.split('\n').map((line) => [line.split(': ')[0], line.slice(line.indexOf(': ') + 2)]));

describe('events', () => {
  it('events - past and new ones come in order, with the place in the log as id', async () => {
    const { get, log } = await started();
    await vm(log, 'm1', 'vm-1');
    const stream = await get('/v1/events');
    await vm(log, 'm1', 'vm-2');
    const frames = await stream.frames(2);
    expect(stream.type).toContain('text/event-stream');
    expect(frames.map(({ id, event }) => [id, event])).toEqual([
      ['1', 'vm.admitted'],
      ['2', 'vm.admitted'],
    ]);
    expect(JSON.parse(frames[1]!.data!)).toMatchObject({ seq: 2, subject: 'tranship.v1.evt.vm.m1.vm-2' });
  });

  it('events - Last-Event-ID resumes after it, without a gap', async () => {
    const { get, log } = await started();
    for (const id of ['a', 'b', 'c', 'd']) await vm(log, 'm1', id);
    const frames = await (await get('/v1/events', { 'last-event-id': '2' })).frames(2);
    expect(frames.map(({ id }) => id)).toEqual(['3', '4']);
  });

  it('events - filters by subject and by migration; follow=0 ends with the past', async () => {
    const { get, log } = await started();
    await vm(log, 'm1', 'a');
    await vm(log, 'm2', 'a');
    const data = { state: 'failed' } as const;
    await log.append(subjects.event('migration', 'm2'), [{ type: 'migration.finished', data }], 0, context);
    const ids = async (query: string) =>
      (await (await get(`/v1/events?follow=0&${query}`)).frames(99)).map((f) => f.id);
    expect(await ids('subject=vm.*.a')).toEqual(['1', '2']);
    expect(await ids('subject=vm.m1.%3E&subject=migration.%3E')).toEqual(['1', '3']);
    expect(await ids('migration=m2')).toEqual(['2', '3']);
    expect(await ids('since=2027-01-01T00:00:00Z')).toEqual([]);
  });

  it('events - progress comes when asked for, of the migration asked for', async () => {
    const { get, tell } = await started();
    const stream = await get('/v1/events?migration=m1&progress=1');
    const value = {
      vm: 'a',
      disk: 0,
      step: 'copy',
      doneBytes: 1,
      totalBytes: 2,
      bytesPerSecond: 1,
      basis: 'rate',
    } as const;
    tell({ ...value, migration: 'other', etaSeconds: 2 });
    tell({ ...value, migration: 'm1', etaSeconds: 1 });
    const [frame] = await stream.frames(1);
    expect(frame).toMatchObject({ event: 'progress' });
    expect(frame).not.toHaveProperty('id');
    expect(JSON.parse(frame!.data!)).toMatchObject({ migration: 'm1', etaSeconds: 1 });
  });

  it('events - who may do what is told to administrators alone', async () => {
    const { get, log, send } = await started();
    await send('POST', '/v1/secrets', { as: 'viewer', body: {} });
    await vm(log, 'm1', 'a');
    const seen = await (await get('/v1/events?follow=0', { authorization: 'Bearer viewer-token' })).frames(99);
    expect(seen.map(({ event }) => event)).toEqual(['vm.admitted']);
    expect(await (await get('/v1/events?follow=0')).frames(99)).toHaveLength(2);
  });

  it('events - a bad filter or place is refused before the stream begins', async () => {
    const { send } = fixture();
    expect((await send('GET', '/v1/events?subject=%3E.vm')).json).toMatchObject({ status: 422, path: 'subject' });
    expect((await send('GET', '/v1/events?subject=tranship.v1.cmd.%3E')).status).toBe(422);
    expect((await send('GET', '/v1/events', { headers: { 'last-event-id': 'x' } })).status).toBe(422);
  });
});
