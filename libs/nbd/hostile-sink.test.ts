import type { Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { NbdSink } from './index.ts';
import { chunk, command, info, magic } from './protocol.ts';
import { type Asked, chunkOf, exportSize, honest, TestServer, u16, u32, u64 } from './testing/server.ts';

const servers: TestServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.stop();
});

const flushes = 4;
const clears = 64;
const readOnly = 2;
const simple = (handle: Buffer, errno = 0) => Buffer.concat([u32(magic.simpleReply), u32(errno), handle]);
const empty = ({ handle, length }: Asked) =>
  chunkOf(handle, chunk.blockStatus, Buffer.concat([u32(1), u32(length), u32(3)]));

/** A disk of zeros that answers what is asked of it with `answer`. */
async function open(
  answer: (socket: Socket, asked: Asked) => void,
  { deadlineMs = 5_000, flags = flushes | clears } = {},
) {
  const told = Buffer.concat([u16(info.export), u64(exportSize), u16(1 | flags)]);
  const server = await TestServer.start({
    option: (socket, kind) => honest(socket, kind, [told]),
    request: (socket, asked) =>
      asked.kind === command.blockStatus ? void socket.write(empty(asked)) : answer(socket, asked),
  });
  servers.push(server);
  return NbdSink.connect({ socket: server.socket }, exportSize, { openMs: 5_000, deadlineMs });
}

const block = Buffer.alloc(4096, 7);
const work: [string, (sink: NbdSink) => Promise<unknown>][] = [
  ['write', (sink) => sink.write(4096, block)],
  ['zero', (sink) => sink.zero(0, 1024 * 1024)],
  ['flush', (sink) => sink.flush()],
];
const answers: [string, (asked: Asked) => Buffer, string, RegExp][] = [
  ['the handle of nobody', () => simple(u64(4711)), 'nbd.protocol', /nobody asked for/],
  ['the handle of nobody, in a chunk', () => chunkOf(u64(4711), chunk.none, Buffer.alloc(0)), 'nbd.protocol', /nobody/],
  ['data', ({ handle }) => chunkOf(handle, chunk.data, Buffer.alloc(4104)), 'nbd.protocol', /data that nobody asked/],
  ['extents', (asked) => empty(asked), 'nbd.protocol', /block status that nobody/],
  ['another magic', ({ handle }) => Buffer.concat([u64(7), handle, u32(0)]), 'nbd.protocol', /not structured/],
  ['an error', ({ handle }) => simple(handle, 5), 'transfer.write', /^EIO$/],
  ['a full disk', ({ handle }) => simple(handle, 28), 'target.full', /^ENOSPC$/],
  [
    'a full disk, in a chunk',
    ({ handle }) => chunkOf(handle, chunk.error, Buffer.concat([u32(28), u16(4), Buffer.from('full')])),
    'target.full',
    /^ENOSPC full$/,
  ],
];
const each = work.flatMap(([name, does]) => answers.map((answer) => [name, answer[0], does, answer] as const));
test.each(each)('sink - a %s answered with %s fails, and says so', async (_, __, does, [, answer, code, detail]) => {
  const sink = await open((socket, asked) => void socket.write(answer(asked)));
  await expect(does(sink)).rejects.toMatchObject({ code, detail: expect.stringMatching(detail) });
  // Who broke the protocol is not believed again.
  if (code === 'nbd.protocol') await expect(does(sink)).rejects.toMatchObject({ code });
});

test.each(work)('sink - a %s that is not answered fails by its deadline', async (_, does) => {
  const sink = await open(() => {}, { deadlineMs: 300 });
  const detail = expect.stringContaining('no answer within 0.3 s');
  await expect(does(sink)).rejects.toMatchObject({ code: 'transfer.write', retry: true, detail });
});

test.each(work)('sink - a server that goes in the middle of a %s ends all that is open', async (_, does) => {
  const sink = await open((socket, { handle }) => void socket.end(simple(handle).subarray(0, 9)));
  const detail = expect.stringContaining('the server closed the connection');
  const lost = { code: 'transfer.write', retry: true, detail };
  const open_ = [does(sink), sink.write(8192, block), sink.read(0, Buffer.alloc(512))];
  for (const end of await Promise.allSettled(open_)) expect(end).toMatchObject({ reason: lost });
  await expect(does(sink)).rejects.toMatchObject(lost);
});

test('sink - a write answered twice is one, and what comes after it is broken', async () => {
  const sink = await open((socket, { handle }) => void socket.write(Buffer.concat([simple(handle), simple(handle)])));
  await sink.write(0, block);
  await expect(sink.write(0, block)).rejects.toMatchObject({ code: 'nbd.protocol' });
});

test('sink - a read answered without structure is broken, as it is for who only reads', async () => {
  const sink = await open((socket, { handle }) => void socket.write(simple(handle)));
  const detail = expect.stringContaining('not structured');
  await expect(sink.read(0, Buffer.alloc(512))).rejects.toMatchObject({ code: 'nbd.protocol', detail });
});

test('sink - an export for reading only is refused before a byte is written', async () => {
  const kinds: number[] = [];
  const opening = open((_, { kind }) => void kinds.push(kind), { flags: readOnly });
  await expect(opening).rejects.toMatchObject({ code: 'transfer.open', detail: 'the export can only be read' });
  expect(kinds).toEqual([]);
});
