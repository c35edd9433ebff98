import type { Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, expect, test } from 'vitest';
import { maxExtents } from './extents.ts';
import { type ConnectOptions, NbdClient } from './index.ts';
import { chunk, command, info, magic, option, optionReply } from './protocol.ts';
import {
  type Asked,
  type Behaviour,
  chunkOf,
  exportSize,
  honest,
  optionAnswer,
  TestServer,
  u16,
  u32,
  u64,
} from './testing/server.ts';

const servers: TestServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.stop();
});

async function open(behaviour: Behaviour, options: ConnectOptions = {}): Promise<NbdClient> {
  const server = await TestServer.start(behaviour);
  servers.push(server);
  return NbdClient.connect({ socket: server.socket }, { openMs: 5_000, deadlineMs: 5_000, ...options });
}

const ask =
  (how: (kind: number, socket: Socket) => void): Behaviour['option'] =>
  (socket, kind) =>
    how(kind, socket);
const endless = (write: () => boolean, socket: Socket) => {
  const more = () => {
    while (!socket.destroyed && write()) {}
  };
  socket.on('drain', more);
  more();
};

const greetings: [string, Behaviour, RegExp][] = [
  ['no NBD server', { hello: (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n') }, /not an NBD server/],
  ['one that goes in the middle', { hello: (socket) => socket.end(u64(magic.server)) }, /closed the connection/],
  ['one that says nothing', { hello: () => {} }, /no connection within 0.3 s/],
  [
    'one that answers an option for ever',
    { option: (socket, kind) => endless(() => socket.write(optionAnswer(kind, optionReply.info, u16(99))), socket) },
    /does not end/,
  ],
  [
    'one with an endless reply',
    { option: (socket, kind) => void socket.write(optionAnswer(kind, optionReply.info, Buffer.alloc(100_000))) },
    /a reply of 100000 bytes/,
  ],
  [
    'one that drips',
    { option: (socket) => void setInterval(() => socket.write(Buffer.from([0])), 20).unref() },
    /no connection within 0.3 s|bad reply/,
  ],
  [
    'one without size',
    { option: (socket, kind) => void socket.write(optionAnswer(kind, optionReply.ack)) },
    /the size/,
  ],
  ['one with a size of nothing', { option: ask((kind, socket) => honest(socket, kind, [], 0)) }, /a size of 0/],
  ['one larger than any', { option: ask((kind, socket) => honest(socket, kind, [], 2n ** 63n)) }, /a size of/],
  [
    'one that refuses',
    {
      option: ask((kind, socket) =>
        kind === option.go
          ? socket.write(optionAnswer(kind, 0x80000006, Buffer.from('not today')))
          : honest(socket, kind),
      ),
    },
    /refuses the export: not today/,
  ],
  [
    'one without structured replies',
    {
      option: ask((kind, socket) =>
        kind === option.structuredReply
          ? socket.write(optionAnswer(kind, 0x80000001, Buffer.from('what is that')))
          : honest(socket, kind),
      ),
    },
    /no structured replies: what is that/,
  ],
  [
    'one whose requests are too small for us',
    {
      option: ask((kind, socket) =>
        honest(socket, kind, [Buffer.concat([u16(info.blockSize), u32(2 ** 20), u32(2 ** 20), u32(2 ** 20)])]),
      ),
    },
    /1048576 bytes only/,
  ],
];
test.each(greetings)('connect - %s is refused', async (_, behaviour, detail) => {
  const openMs = detail.source.includes('0.3 s') ? 300 : 5_000;
  await expect(open(behaviour, { openMs })).rejects.toMatchObject({
    code: 'transfer.open',
    detail: expect.stringMatching(detail),
  });
});

const data = (handle: Buffer, at: number, length: number, more = {}) =>
  chunkOf(handle, chunk.data, Buffer.concat([u64(at), Buffer.alloc(length, 1)]), more);

const answers: [string, (asked: Asked) => Buffer, string, RegExp][] = [
  [
    'another magic',
    ({ handle }) => Buffer.concat([u32(magic.simpleReply), u32(0), handle, u32(0)]),
    'nbd.protocol',
    /not structured/,
  ],
  ['another handle', () => chunkOf(u64(4711), chunk.none, Buffer.alloc(0)), 'nbd.protocol', /nobody asked for/],
  ['more than was asked', ({ handle, offset }) => data(handle, offset, 8192), 'nbd.protocol', /outside/],
  ['data from before', ({ handle, offset }) => data(handle, offset - 1, 4096), 'nbd.protocol', /outside/],
  ['data from far away', ({ handle }) => data(handle, 2 ** 40, 4096), 'nbd.protocol', /outside/],
  ['less than was asked', ({ handle, offset }) => data(handle, offset, 1024), 'nbd.protocol', /less data/],
  [
    'nothing, as if all were said',
    ({ handle }) => chunkOf(handle, chunk.none, Buffer.alloc(0)),
    'nbd.protocol',
    /less data/,
  ],
  [
    'one part twice and another never',
    ({ handle, offset }) =>
      Buffer.concat([data(handle, offset, 2048, { done: false }), data(handle, offset + 1024, 2048)]),
    'nbd.protocol',
    /gaps/,
  ],
  [
    'a hole of the wrong form',
    ({ handle }) => chunkOf(handle, chunk.hole, Buffer.alloc(11)),
    'nbd.protocol',
    /a chunk of 11/,
  ],
  ['a kind that is not known', ({ handle }) => chunkOf(handle, 77, Buffer.alloc(4)), 'nbd.protocol', /kind 77/],
  [
    'a block status',
    ({ handle }) => chunkOf(handle, chunk.blockStatus, Buffer.alloc(12)),
    'nbd.protocol',
    /nobody asked/,
  ],
  [
    'an endless error',
    ({ handle }) => chunkOf(handle, chunk.error, Buffer.alloc(6), { length: 2 ** 31 }),
    'nbd.protocol',
    /an error of/,
  ],
  [
    'an error whose text is longer than it',
    ({ handle }) => chunkOf(handle, chunk.error, Buffer.concat([u32(5), u16(60_000), Buffer.from('bad')])),
    'transfer.read',
    /^EIO bad$/,
  ],
];
test.each(answers)('read - answered with %s fails', async (_, answer, code, detail) => {
  const client = await open({ request: (socket, asked) => void socket.write(answer(asked)) });
  await expect(client.read(4096, Buffer.alloc(4096))).rejects.toMatchObject({
    code,
    retry: true,
    detail: expect.stringMatching(detail),
  });
  if (code === 'nbd.protocol') await expect(client.read(0, Buffer.alloc(512))).rejects.toMatchObject({ code });
});

test('read - in parts and out of order it is whole', async () => {
  const request: Behaviour['request'] = (socket, { handle, offset }) => {
    const hole = chunkOf(handle, chunk.hole, Buffer.concat([u64(offset), u32(1024)]), { done: false });
    socket.write(Buffer.concat([data(handle, offset + 1024, 3072, { done: false }), hole]));
    socket.write(chunkOf(handle, chunk.none, Buffer.alloc(0)));
  };
  const client = await open({ request });
  const target = Buffer.alloc(4096, 9);
  await client.read(0, target);
  expect(target.equals(Buffer.concat([Buffer.alloc(1024), Buffer.alloc(3072, 1)]))).toBe(true);
});

const silences: [string, (socket: Socket, asked: Asked) => void][] = [
  ['nothing', () => {}],
  ['the half of it', (socket, { handle, offset }) => void socket.write(data(handle, offset, 4096).subarray(0, 2000))],
  [
    'a byte now and then',
    (socket, { handle, offset }) => {
      const bytes = data(handle, offset, 4096);
      let at = 0;
      setInterval(() => socket.write(bytes.subarray(at, ++at)), 20).unref();
    },
  ],
  [
    'chunks without end',
    (socket, { handle }) =>
      endless(() => socket.write(chunkOf(handle, chunk.none, Buffer.alloc(0), { done: false })), socket),
  ],
];
test.each(silences)('stall - a request that gets %s fails by its deadline', async (_, request) => {
  const client = await open({ request }, { deadlineMs: 300 });
  const began = performance.now();
  await expect(client.read(0, Buffer.alloc(4096))).rejects.toMatchObject({
    code: 'transfer.read',
    detail: expect.stringContaining('no answer within 0.3 s'),
  });
  expect(performance.now() - began).toBeLessThan(5_000);
});

const extents = (...parts: [number, number][]) =>
  Buffer.concat([u32(1), ...parts.map(([length, flags]) => Buffer.concat([u32(length), u32(flags)]))]);
const lies: [string, Buffer, RegExp][] = [
  ['no extent', u32(1), /a block status of 4 bytes/],
  ['an extent without length', extents([0, 0]), /without length/],
  ['extents past the end', extents([2 * exportSize, 0], [4096, 0]), /outside/],
  ['another context', Buffer.concat([u32(2), u32(4096), u32(0)]), /another context/],
  ['a torn extent', Buffer.concat([extents([4096, 0]), u16(1)]), /of 14 bytes/],
];
test.each(lies)('extents - told as %s are refused', async (_, body, detail) => {
  const client = await open({
    request: (socket, { handle }) => void socket.write(chunkOf(handle, chunk.blockStatus, body)),
  });
  await expect(client.extents(0, exportSize)).rejects.toMatchObject({
    code: 'nbd.protocol',
    detail: expect.stringMatching(detail),
  });
});

test('extents - told a byte at a time they are given up', async () => {
  const request: Behaviour['request'] = (socket, { handle }) =>
    void socket.write(chunkOf(handle, chunk.blockStatus, extents([1, 0])));
  const client = await open({ request });
  await expect(client.extents(0, exportSize)).rejects.toMatchObject({ detail: 'extents in too small parts' });
});

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
/** Data and zeros in turn, each of `size` bytes, over so many bytes; 8 MiB of them at most. */
function inTurn(size: number, bytes: number): Buffer {
  const body = Buffer.alloc(4 + 8 * Math.min(1024 * 1024, Math.ceil(bytes / size)));
  body.writeUInt32BE(1);
  for (let at = 4; at < body.length; at += 8) {
    body.writeUInt32BE(size, at);
    body.writeUInt32BE(at % 16 === 4 ? 0 : 3, at + 4);
  }
  return body;
}

/** Asks for the extents of a whole export, and measures the memory that is held meanwhile. */
async function told(size: number, exported: number) {
  const held = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  let [most, requests] = [0, 0];
  const client = await open({
    option: ask((kind, socket) => honest(socket, kind, [], exported)),
    request: (socket, { handle, length }) => {
      most = Math.max(most, held() - before);
      // Else a client that holds all of it takes the test's process with it.
      if (most > 256 * 1024 ** 2) socket.destroy();
      else socket.write(chunkOf(handle, chunk.blockStatus, inTurn(size, length)));
      requests++;
    },
  });
  const before = held();
  const extents = await client.extents(0, exported).catch((error: unknown) => error);
  return { extents, heldBytes: Math.max(most, held() - before), requests };
}
const gib = 1024 ** 3;

test('extents - a million of a byte are refused in the first reply', async () => {
  const { extents, heldBytes, requests } = await told(1, exportSize);
  expect(extents).toMatchObject({ code: 'nbd.protocol', detail: 'extents of less than 512 bytes' });
  expect(requests).toBe(1);
  expect(heldBytes).toBeLessThan(8 * 1024 ** 2);
});

test('extents - four million sectors in turn are data, and take no memory', async () => {
  const { extents, heldBytes, requests } = await told(512, 2 * gib);
  expect(extents).toEqual([
    { offset: 0, length: 2 * gib - 512, zero: false },
    { offset: 2 * gib - 512, length: 512, zero: true },
  ]);
  expect(requests).toBe(4);
  expect(heldBytes).toBeLessThan(8 * 1024 ** 2);
});

test('extents - a million leaves in turn are kept as few', async () => {
  const { extents, heldBytes } = await told(65_536, 64 * gib);
  expect(extents).toMatchObject({ length: expect.toSatisfy((n: number) => n > 0 && n <= maxExtents) });
  expect(heldBytes).toBeLessThan(32 * 1024 ** 2);
});

test('extents - the last one may reach further; it is cut at the window', async () => {
  const request: Behaviour['request'] = (socket, { handle }) =>
    void socket.write(chunkOf(handle, chunk.blockStatus, extents([4096, 0], [exportSize, 3])));
  const client = await open({ request });
  expect(await client.extents(0, 65_536)).toEqual([
    { offset: 0, length: 4096, zero: false },
    { offset: 4096, length: 61_440, zero: true },
  ]);
});

test('extents - a part of a block is told: the rest of it is data, and the next request begins at a whole one', async () => {
  const limits = Buffer.concat([u16(info.blockSize), u32(4096), u32(4096), u32(16_384)]);
  const offsets: number[] = [];
  const client = await open({
    option: ask((kind, socket) => honest(socket, kind, [limits])),
    request: (socket, { handle, offset }) => {
      offsets.push(offset);
      socket.write(chunkOf(handle, chunk.blockStatus, extents([offset === 0 ? 66_000 : exportSize, 3])));
    },
  });
  expect(await client.extents(0, 262_144)).toEqual([
    { offset: 0, length: 66_000, zero: true },
    { offset: 66_000, length: 3632, zero: false },
    { offset: 69_632, length: 192_512, zero: true },
  ]);
  expect(offsets).toEqual([0, 69_632]);
});

test('extents - a server without base:allocation is not asked: all is data, and can be read', async () => {
  const kinds: number[] = [];
  const client = await open({
    option: ask((kind, socket) =>
      kind === option.setMetaContext ? socket.write(optionAnswer(kind, 0x80000001)) : honest(socket, kind),
    ),
    request: (socket, { kind, handle, offset, length }) => {
      kinds.push(kind);
      socket.write(data(handle, offset, length));
    },
  });
  expect(client.tells).toBe(false);
  expect(await client.extents(4096, 65_536)).toEqual([{ offset: 4096, length: 65_536, zero: false }]);
  const target = Buffer.alloc(4096);
  await client.read(4096, target);
  expect(target.equals(Buffer.alloc(4096, 1))).toBe(true);
  expect(kinds).toEqual([command.read]);
});

test('limits - requests are no longer than the server takes, and whole blocks', async () => {
  const lengths: number[] = [];
  const limits = Buffer.concat([u16(info.blockSize), u32(4096), u32(4096), u32(16_384)]);
  const client = await open({
    option: ask((kind, socket) => honest(socket, kind, [limits])),
    request: (socket, { kind, handle, offset, length }) => {
      if (kind !== command.read) return;
      lengths.push(length);
      socket.write(data(handle, offset, length));
    },
  });
  const target = Buffer.alloc(40_960);
  await client.read(8192, target);
  expect(lengths).toEqual([16_384, 16_384, 8192]);
  expect(target.every((byte) => byte === 1)).toBe(true);
  for (const [offset, length] of [
    [512, 4096],
    [0, 512],
    [exportSize, 4096],
    [0, 0],
  ] as const)
    await expect(client.read(offset, Buffer.alloc(length))).rejects.toMatchObject({
      code: 'transfer.read',
      retry: false,
    });
});

test('close - waits for what is open, then says good-bye', async () => {
  const kinds: number[] = [];
  const client = await open({
    request: (socket, { kind, handle, offset, length }) => {
      kinds.push(kind);
      if (kind === command.disconnect) socket.end();
      else setTimeout(() => socket.write(data(handle, offset, length)), 50);
    },
  });
  const read = client.read(0, Buffer.alloc(512));
  await client.close();
  await read;
  expect(kinds).toEqual([command.read, command.disconnect]);
  await expect(client.read(0, Buffer.alloc(512))).rejects.toMatchObject({ code: 'transfer.read' });
});
