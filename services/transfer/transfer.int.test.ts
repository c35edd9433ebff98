import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { inspect } from 'node:util';
import { markDiverged } from '@tranship/blocks';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Bench, mib, sha256, until } from './testing/bench.ts';

let bench: Bench;
const mounts: string[] = [];

beforeAll(async () => {
  bench = await Bench.start({
    vcenter: { datastores: [{ name: 'fast-ds' }, { name: 'other-ds' }] },
    vms: [
      { name: 'two', disks: [{ sizeGB: 0.25, fill: 'random:40MB' }, { sizeGB: 0.0625 }] },
      { name: 'long', disks: [{ sizeGB: 0.25, fill: 'random:160MB' }] },
      { name: 'twins', disks: Array(3).fill({ sizeGB: 0.0625, fill: 'random:24MB' }) },
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
const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );
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
  const proof = await bench.prove('two');
  expect(proof.disks.map(({ root }) => root)).toEqual(disks.map(({ root }) => root));
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
  // 1 MiB at 8 MB/s: nearly eight a second.
  expect(bench.reads.length - before).toBeLessThanOrEqual(20);
  expect(bench.reads.length - before).toBeGreaterThanOrEqual(10);
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

/** The VM ran again: these leaves of its first disk hold something else now. */
function changeSource(vm: string, leaves: readonly number[]): void {
  const file = openSync(bench.source(vm), 'r+');
  for (const leaf of leaves) writeSync(file, randomBytes(4096), 0, 4096, leaf * 65_536 + 8192);
  closeSync(file);
}
const areas = (leaves: readonly number[]) => JSON.stringify(leaves.map((leaf) => [leaf * 65_536 + 8192, 4096]));
const signal = new AbortController().signal;

test('delta - only what is listed is read and proven, and the target equals the source', async () => {
  await bench.copy('long');
  await bench.prove('long');
  const leaves = [1, 2, 900, 4095];
  changeSource('long', leaves);
  bench.reads.length = 0;
  const pass = { pass: 2, disk: { how: 'delta', areas: areas(leaves), changeId: 'u/2' } } as const;
  const { disks } = await bench.copy('long', signal, pass);
  expect(disks).toMatchObject([{ how: 'delta', readBytes: 4 * 65_536, writtenBytes: 4 * 65_536, liedLeaves: 0 }]);
  expect(bench.reads).toEqual([65_536, 900 * 65_536, 4095 * 65_536]);
  expect(sha256(bench.target())).toBe(sha256(bench.source('long')));
  expect((await bench.prove('long', 2)).disks).toEqual([{ index: 0, root: disks[0]!.root, leaves: 4 }]);
});

test('delta - a list that leaves out what changed is caught by the audit: the disk is compared', async () => {
  await bench.copy('long');
  await bench.prove('long');
  changeSource('long', [1, 2, 3, 900]);
  const pass = { pass: 2, audit: 1, disk: { how: 'delta', areas: areas([1, 2, 3]), changeId: 'u/3' } } as const;
  const { disks } = await bench.copy('long', signal, pass);
  expect(disks).toMatchObject([{ how: 'compare', writtenBytes: 4 * 65_536, auditedLeaves: 4093, liedLeaves: 1 }]);
  expect(sha256(bench.target())).toBe(sha256(bench.source('long')));
  await bench.prove('long', 2);
});

test('compare - a converted disk is brought back: what differs is written, be it ours or the source’s', async () => {
  await bench.copy('two');
  await markDiverged(dirname(bench.log()), 0);
  const file = openSync(bench.target(), 'r+');
  writeSync(file, randomBytes(4096), 0, 4096, 200 * mib);
  closeSync(file);
  changeSource('two', [5]);
  const { disks } = await bench.copy('two', signal, { pass: 2, disk: { how: 'compare' } });
  expect(disks[0]).toMatchObject({ how: 'compare', writtenBytes: 2 * 65_536 });
  expect(sha256(bench.target())).toBe(sha256(bench.source('two')));
  await bench.prove('two', 2);
});

test('kept - the scratch volume is lost between two passes: the next one is a delta all the same, and so is its proof', async () => {
  await bench.copy('long');
  const [first] = (await bench.prove('long', 1, { keep: true })).disks;
  const scratch = dirname(bench.log());
  rmSync(scratch, { recursive: true });
  mkdirSync(scratch);
  const leaves = [1, 900];
  changeSource('long', leaves);
  bench.reads.length = 0;
  const disk = { how: 'delta', areas: areas(leaves), changeId: 'u/2', kept: first!.kept! } as const;
  const { disks } = await bench.copy('long', signal, { pass: 2, disk });
  expect(disks).toMatchObject([{ how: 'delta', readBytes: 2 * 65_536, writtenBytes: 2 * 65_536 }]);
  expect(bench.reads).toEqual([65_536, 900 * 65_536]);
  expect(sha256(bench.target())).toBe(sha256(bench.source('long')));
  const [second] = (await bench.prove('long', 2, { keep: true })).disks;
  expect(second).toMatchObject({ leaves: 2 });
  // Of the first nothing is kept any more.
  const gone = bench.bus.objects.get(first!.kept!);
  await expect(gone).rejects.toMatchObject({ code: 'document.not-found' });
  expect(await bench.bus.objects.prune(bench.owner)).toHaveLength(2);
});

test('kept - what is kept is not there any more: the disk is compared', async () => {
  await bench.copy('two');
  await bench.prove('two');
  const scratch = dirname(bench.log());
  rmSync(scratch, { recursive: true });
  mkdirSync(scratch);
  const kept = `m/v/${'a'.repeat(64)}`;
  const { disks } = await bench.copy('two', signal, { pass: 2, disk: { how: 'delta', areas: '[]', kept } });
  expect(disks[0]).toMatchObject({ how: 'compare', writtenBytes: 0, savedBytes: 40 * mib });
});

test('claim - a ledger of another claim is no ledger: the target is looked at, and what differs is written', async () => {
  const claim = { uid: 'a3c1', volume: 'pv-1' };
  await bench.copy('two', signal, { disk: { claim } });
  const file = openSync(bench.target(), 'r+');
  writeSync(file, randomBytes(4096), 0, 4096, 200 * mib);
  closeSync(file);
  const other = { how: 'delta', areas: '[]', claim: { ...claim, uid: 'b7' } } as const;
  const { disks } = await bench.copy('two', signal, { pass: 2, disk: other });
  expect(disks[0]).toMatchObject({ how: 'compare', writtenBytes: 65_536, savedBytes: 40 * mib - 65_536 });
  expect(sha256(bench.target())).toBe(sha256(bench.source('two')));
});

test('full - one block that a list of changes left out is found, though no sample read it, and mended', async () => {
  await bench.copy('long', signal, { grade: 'full' });
  await bench.prove('long', 1, { grade: 'full' });
  changeSource('long', [7, 2000]);
  const pass = { pass: 2, grade: 'full', reread: true, disk: { how: 'delta', areas: areas([7]) } } as const;
  const { disks } = await bench.copy('long', signal, pass);
  expect(disks).toMatchObject([{ how: 'compare', auditedLeaves: 4096, liedLeaves: 1, writtenBytes: 65_536 }]);
  expect(sha256(bench.target())).toBe(sha256(bench.source('long')));
  expect(await bench.prove('long', 2, { grade: 'full' })).toMatchObject({
    grade: 'full',
    disks: [{ root: disks[0]!.root, leaves: 4096 }],
  });
});

test('full - an honest source is read twice, and its changes alone are written and read back', async () => {
  await bench.copy('long', signal, { grade: 'full' });
  await bench.prove('long', 1, { grade: 'full' });
  changeSource('long', [7]);
  bench.reads.length = 0;
  const pass = { pass: 2, grade: 'full', reread: true, disk: { how: 'delta', areas: areas([7]) } } as const;
  const { disks } = await bench.copy('long', signal, pass);
  expect(disks).toMatchObject([{ how: 'delta', auditedLeaves: 4096, liedLeaves: 0, writtenBytes: 65_536 }]);
  expect(new Set(bench.reads).size).toBeGreaterThan(160);
  expect((await bench.prove('long', 2, { grade: 'full' })).disks[0]).toMatchObject({ leaves: 1 });
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

test('prove - one byte flipped behind the copy fails the proof at its leaf', async () => {
  await bench.copy('two');
  const at = 6 * mib + 3;
  const byte = Buffer.alloc(1);
  const file = openSync(bench.target(), 'r+');
  readSync(file, byte, 0, 1, at);
  writeSync(file, Buffer.from([byte[0]! ^ 1]), 0, 1, at);
  closeSync(file);
  expect(await failure(bench.prove('two'))).toMatchObject({
    code: 'transfer.proof',
    detail: expect.stringMatching(new RegExp(`^disk 0: .* differs at ${6 * mib}$`)),
  });
});

test('prove - two disks crossed: refused, and told which holds which; the next pass mends both', async () => {
  await bench.copy('twins');
  const [a, b] = [bench.target(0), bench.target(1)];
  renameSync(a, `${a}.aside`);
  renameSync(b, a);
  renameSync(`${a}.aside`, b);
  const detail = expect.stringMatching(/^disk ([01]): .* differs at \d+; it holds what disk (?!\1)[01] should$/);
  expect(await failure(bench.prove('twins'))).toMatchObject({ code: 'transfer.proof', detail });
  const { disks } = await bench.copy('twins', signal, { pass: 2, disk: { how: 'compare' } });
  expect(disks.map(({ how, writtenBytes }) => [how, writtenBytes > 0])).toEqual([
    ...[
      ['compare', true],
      ['compare', true],
      ['compare', false],
    ],
  ]);
  for (const index of [0, 1, 2]) expect(sha256(bench.target(index))).toBe(sha256(bench.source('twins', index)));
  await bench.prove('twins', 2);
});

test('prove - of a pass that is not finished there is no proof', async () => {
  const stop = new AbortController();
  const { settled } = await halfWay(stop.signal);
  stop.abort(new Error('enough'));
  await settled;
  expect(await failure(bench.prove('long'))).toMatchObject({ code: 'transfer.ledger' });
});
