import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Bench, failure, mib, sha256, until } from './testing/bench.ts';

let bench: Bench;
const mounts: string[] = [];

beforeAll(async () => {
  bench = await Bench.start({
    vcenter: { datastores: [{ name: 'fast-ds' }, { name: 'other-ds' }] },
    vms: [
      { name: 'two', disks: [{ sizeGB: 0.25, fill: 'random:40MB' }, { sizeGB: 0.0625 }] },
      { name: 'long', disks: [{ sizeGB: 0.25, fill: 'random:160MB' }] },
      { name: 'on', power: 'on', disks: [{ sizeGB: 0.0625 }] },
      {
        name: 'many',
        disks: Array.from({ length: 60 }, (_, i) => ({ sizeGB: 0.0078125, fill: `random:${(i % 4) + 1}MB` })),
      },
    ],
  });
});
afterEach(async () => {
  for (const each of mounts.splice(0)) execFileSync('umount', [each]);
  await bench.slow(0);
  bench.renew();
  await bench.bus.objects.prune(bench.owner);
  expect(bench.nbdkits()).toEqual([]);
});
afterAll(() => bench?.stop());

/** Everything that an error may tell, its causes included. */
const told = (error: unknown) => inspect(error, { depth: 20, showHidden: true });
/** The last that the ledger says. */
const doneBytes = () => {
  const log = existsSync(bench.log()) ? readFileSync(bench.log(), 'latin1') : '';
  return Number([...log.matchAll(/"doneBytes":(\d+)/g)].at(-1)?.[1] ?? 0);
};

/** A copy of `long` at a pace that leaves time to act, caught once its ledger holds something. */
async function halfWay(signal?: AbortSignal) {
  await bench.slow(250);
  const copied = bench.copy('long', signal);
  const settled = failure(copied);
  await until('a first entry of the ledger', () => doneBytes() > 0);
  return { copied, settled };
}

test('copy - the bytes of every disk are the source’s, holes stay holes, and the proof holds', async () => {
  const { disks } = await bench.copy('two');
  for (const index of [0, 1]) expect(sha256(bench.target(index))).toBe(sha256(bench.source('two', index)));
  expect(disks).toMatchObject([
    { index: 0, sizeBytes: 256 * mib, resumedBytes: 0, readBytes: 40 * mib },
    { index: 1, sizeBytes: 64 * mib, resumedBytes: 0, readBytes: 0 },
  ]);
  const allocated = (index: number) => statSync(bench.target(index)).blocks * 512;
  expect(allocated(0)).toBeGreaterThanOrEqual(40 * mib);
  expect(allocated(0)).toBeLessThan(42 * mib);
  expect(allocated(1)).toBeLessThan(mib);
  expect(bench.progress).toContainEqual(expect.objectContaining({ disk: 0, step: 'copy', doneBytes: 256 * mib }));
  // Each request that is read, and each that is written, is a sign of life; so is what is read back.
  const moves = bench.moves;
  expect(moves).toBeGreaterThanOrEqual(2 * 20);
  const proof = await bench.prove('two');
  expect(proof.disks.map(({ root }) => root)).toEqual(disks.map(({ root }) => root));
  expect(bench.moves).toBeGreaterThan(moves);
});

test('copy - asked again, what is finished is not read again', async () => {
  const first = await bench.copy('two');
  bench.reads.length = 0;
  const again = await bench.copy('two');
  expect(bench.reads).toEqual([]);
  expect(again.disks.map(({ root }) => root)).toEqual(first.disks.map(({ root }) => root));
  expect(again.disks[0]).toMatchObject({ resumedBytes: 256 * mib });
});

test('copy - aborted in the middle, the next one reads the rest alone', async () => {
  const stop = new AbortController();
  const { settled } = await halfWay(stop.signal);
  stop.abort(new Error('the service goes down'));
  expect(await settled).toMatchObject({ message: 'the service goes down' });
  const kept = doneBytes();
  expect(kept).toBeGreaterThan(0);
  bench.reads.length = 0;
  await bench.slow(0);
  const { disks } = await bench.copy('long');
  expect(disks).toMatchObject([{ resumedBytes: kept, readBytes: 160 * mib }]);
  expect(Math.min(...bench.reads)).toBeGreaterThanOrEqual(kept);
  expect(sha256(bench.target())).toBe(sha256(bench.source('long')));
});

test('copy - aborted while its source hangs, it ends within seconds', { timeout: 30_000 }, async () => {
  const stop = new AbortController();
  const { settled } = await halfWay(stop.signal);
  for (const { pid } of bench.nbdkits()) process.kill(pid, 'SIGSTOP');
  stop.abort(new Error('enough'));
  expect(await settled).toMatchObject({ message: 'enough' });
  expect(bench.nbdkits()).toEqual([]);
  await bench.slow(0);
});

test('copy - vCenter’s sessions end in the middle: the disk is opened anew, and the copy goes on', async () => {
  const { copied } = await halfWay();
  await bench.tell('/sessions/expire');
  await bench.slow(0);
  const { disks } = await copied;
  expect(disks[0]?.resumedBytes).toBeGreaterThan(0);
  expect(sha256(bench.target())).toBe(sha256(bench.source('long')));
});

/** A Storage vMotion; the copy is not told. */
const relocate = async (vm: string, datastore: string, work = async () => {}) => {
  await bench.tell(`/relocate?vm=${vm}&datastore=${datastore}`);
  await work();
  await bench.look();
};

test('open - a disk that was moved to another datastore is found by its device', async () => {
  await relocate('two', 'other-ds', async () => {
    await bench.copy('two');
  });
  expect(bench.source('two')).toContain('/other-ds/');
  for (const index of [0, 1]) expect(sha256(bench.target(index))).toBe(sha256(bench.source('two', index)));
  await relocate('two', 'fast-ds');
});

test('copy - a disk is moved in the middle: what is open is read on; opened anew it is read where it is now', async () => {
  const { copied } = await halfWay();
  await relocate('long', 'other-ds', async () => {
    await bench.slow(600);
    const before = bench.reads.length;
    // More than are in flight at a time.
    await until('reads behind the move', () => bench.reads.length > before + 16);
    expect(bench.nbdkits()).toHaveLength(1);
    await bench.tell('/sessions/expire');
    await bench.slow(0);
    const { disks } = await copied;
    expect(disks[0]?.resumedBytes).toBeGreaterThan(0);
  });
  expect(sha256(bench.target())).toBe(sha256(bench.source('long')));
  await relocate('long', 'fast-ds');
});

test('open - a disk that is nowhere is told as such, after one look', async () => {
  const gone = { file: '[fast-ds] two/gone.vmdk', key: 9999 };
  expect(await failure(bench.copy('two', undefined, { disk: gone }))).toMatchObject({
    ...{ code: 'vsphere.not-found', retry: false },
    detail: expect.stringContaining('gone.vmdk'),
  });
});

test('copy - nbdkit killed in the middle is started again, and the copy goes on', async () => {
  const { copied } = await halfWay();
  const [first, ...others] = bench.nbdkits();
  expect(others).toEqual([]);
  process.kill(first!.pid, 'SIGKILL');
  await until('another nbdkit', () => bench.nbdkits().some(({ pid }) => pid !== first!.pid));
  await bench.slow(0);
  const { disks } = await copied;
  expect(disks[0]?.resumedBytes).toBeGreaterThan(0);
  expect(sha256(bench.target())).toBe(sha256(bench.source('long')));
  await bench.prove('long');
});

test('limit - a running copy heeds a new one within two seconds, and the pass goes on', async () => {
  bench.limit = 8_000_000;
  const copied = bench.copy('long');
  const readBy = (offset: number) => bench.reads.filter((each) => each >= offset).length;
  await until('the first requests', () => bench.reads.length >= 2);
  const [began, before] = [Date.now(), bench.reads.length];
  await until('two seconds', () => Date.now() - began > 2_000);
  // 2 MiB at 8 MB/s: nearly four a second.
  expect(bench.reads.length - before).toBeLessThanOrEqual(10);
  expect(bench.reads.length - before).toBeGreaterThanOrEqual(5);
  const nbdkit = bench.nbdkits()[0]?.pid;
  bench.limit = null;
  const { disks } = await copied;
  expect(Date.now() - began).toBeLessThan(12_000); // at the limit it would take 20 s
  expect(nbdkit).toBeDefined();
  expect(readBy(0)).toBe(new Set(bench.reads).size);
  expect(disks).toMatchObject([{ resumedBytes: 0, readBytes: 160 * mib }]);
  expect(sha256(bench.target())).toBe(sha256(bench.source('long')));
});

test('secret - the password is in no argument and in no variable of nbdkit, and its folder is closed to others', async () => {
  const stop = new AbortController();
  const { settled } = await halfWay(stop.signal);
  const [{ args, env } = { args: [''], env: '' }] = bench.nbdkits();
  expect(args).toContain(`password=+${bench.credential('password')}`);
  expect(args.join(' ') + env).not.toContain(bench.vcenter.password);
  const socket = args[args.indexOf('-U') + 1]!;
  expect(statSync(dirname(socket)).mode & 0o077).toBe(0);
  stop.abort(new Error('enough'));
  await settled;
  expect(existsSync(dirname(socket))).toBe(false);
});

test('open - a wrong password is told as such, without it', async () => {
  const wrong = 'n0t-the-passw0rd';
  writeFileSync(bench.credential('password'), wrong);
  const error = await failure(bench.copy('two'));
  expect(error).toMatchObject({
    code: 'vsphere.login',
    retry: false,
    detail: expect.stringContaining('incorrect user name or password'),
  });
  expect(told(error)).not.toContain(wrong);
});

const wrongs: [string, Parameters<Bench['open']>, object][] = [
  [
    'another certificate',
    ['two', { thumbprint: '00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33' }],
    { code: 'vsphere.certificate', retry: false, detail: expect.stringContaining('thumbprint') },
  ],
  ['nobody who listens', ['two', { url: 'https://127.0.0.1:1/sdk' }], { code: 'vsphere.unreachable', retry: true }],
  [
    'a plugin that is not there',
    ['two', {}, 'none.so'],
    { code: 'transfer.open', detail: expect.stringMatching('does not start: cannot open plugin') },
  ],
];
test.each(wrongs)('open - %s is told as such', async (_, args, expected) => {
  expect(await failure(bench.open(...args))).toMatchObject(expected);
});

test('open - its server is asked only once it listens: twenty times the same answer', async () => {
  for (let i = 0; i < 20; i++)
    expect(await failure(bench.open('two', { url: 'https://127.0.0.1:1/sdk' }))).toMatchObject({
      code: 'vsphere.unreachable',
    });
});

test('open - a VM that runs is contested: its disk is in use', async () => {
  expect(await failure(bench.copy('on'))).toMatchObject({ code: 'source.contested', retry: false });
});

test('target - one without room is full; given more, the copy goes on with what is there', async () => {
  const folder = dirname(bench.target());
  const size = (text: string, ...how: string[]) => execFileSync('mount', [...how, '-o', text, 'tmpfs', folder]);
  size('size=96m', '-t', 'tmpfs');
  mounts.push(folder);
  expect(await failure(bench.copy('long'))).toMatchObject({ code: 'target.full', retry: false });
  size('remount,size=300m');
  const { disks } = await bench.copy('long');
  expect(disks[0]?.resumedBytes).toBeGreaterThan(0);
  expect(sha256(bench.target())).toBe(sha256(bench.source('long')));
});

test('disks - sixty of one VM, no more open at once than its permit holds', { timeout: 240_000 }, async () => {
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, bench.nbdkits().length);
  }, 20);
  const { disks } = await bench.copy('many').finally(() => clearInterval(watch));
  expect(disks).toHaveLength(60);
  for (const { index } of disks) expect(sha256(bench.target(index))).toBe(sha256(bench.source('many', index)));
  expect(most).toBeLessThanOrEqual(4);
  expect((await bench.prove('many')).disks.map(({ root }) => root)).toEqual(disks.map(({ root }) => root));
});

test('prove - of a pass that is not finished there is no proof', async () => {
  const stop = new AbortController();
  const { settled } = await halfWay(stop.signal);
  stop.abort(new Error('enough'));
  await settled;
  expect(await failure(bench.prove('long'))).toMatchObject({ code: 'transfer.ledger' });
});
