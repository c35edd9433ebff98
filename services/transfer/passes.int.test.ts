import { randomBytes } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { markDiverged } from '@tranship/blocks';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { loopDevice } from '../../libs/blocks/testing/loop.ts';
import { Bench, failure, mib, sha256 } from './testing/bench.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.start({
    vms: [
      { name: 'two', disks: [{ sizeGB: 0.25, fill: 'random:40MB' }, { sizeGB: 0.0625 }] },
      { name: 'long', disks: [{ sizeGB: 0.25, fill: 'random:160MB' }] },
      { name: 'twins', disks: Array(3).fill({ sizeGB: 0.0625, fill: 'random:24MB' }) },
    ],
  });
});
afterEach(async () => {
  bench.renew();
  await bench.bus.objects.prune(bench.owner);
  expect(bench.nbdkits()).toEqual([]);
});
afterAll(() => bench?.stop());

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

test('delta - a list since another moment than the target holds is not believed: the disk is compared', async () => {
  await bench.copy('two', signal, { disk: { changeId: 'u/1' } });
  changeSource('two', [5, 7]);
  const disk = { how: 'delta', areas: areas([7]), since: 'u/2', changeId: 'u/3' } as const;
  const { disks } = await bench.copy('two', signal, { pass: 2, disk });
  expect(disks[0]).toMatchObject({ how: 'compare', writtenBytes: 2 * 65_536 });
  expect(sha256(bench.target())).toBe(sha256(bench.source('two')));
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

test('device - onto one that held other data: a first pass, a delta, a comparison, each proven; holes are given back to its storage', async () => {
  const { path, heldMiB, remove } = loopDevice(256 * mib);
  symlinkSync(path, bench.device());
  try {
    const equal = async (pass: number) => {
      expect(sha256(path)).toBe(sha256(bench.source('long')));
      await bench.prove('long', pass);
    };
    await bench.copy('long');
    expect(heldMiB()).toBe(160);
    await equal(1);
    changeSource('long', [1, 900]);
    await bench.copy('long', signal, { pass: 2, disk: { how: 'delta', areas: areas([1, 900]), changeId: 'u/2' } });
    await equal(2);
    await markDiverged(dirname(bench.log()), 0);
    const file = openSync(path, 'r+');
    for (const at of [3, 250]) writeSync(file, randomBytes(4096), 0, 4096, at * mib);
    closeSync(file);
    const { disks } = await bench.copy('long', signal, { pass: 3, disk: { how: 'compare' } });
    expect(disks[0]).toMatchObject({ how: 'compare' });
    await equal(3);
  } finally {
    remove();
  }
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

test('prove - a disk a sector short is refused, and named', async () => {
  await bench.copy('twins');
  const short = bench.size('twins', 1) - 512;
  truncateSync(bench.target(1), short);
  expect(await failure(bench.prove('twins'))).toMatchObject({
    code: 'transfer.proof',
    retry: false,
    detail: expect.stringMatching(new RegExp(`^disk 1: .* has ${short} bytes, the disk ${short + 512}$`)),
  });
});

test('prove - a device a sector short is refused, and named, by the copy already', async () => {
  const short = bench.size('two') - 512;
  const { path, remove } = loopDevice(short);
  const { path: whole, remove: removeWhole } = loopDevice(short + 512);
  try {
    const refused = {
      code: 'transfer.write',
      retry: false,
      detail: expect.stringContaining(`/devices/0 has ${short} bytes, the disk needs ${short + 512}`),
    };
    symlinkSync(path, bench.device());
    expect(await failure(bench.copy('two'))).toMatchObject(refused);
    rmSync(bench.device());
    symlinkSync(whole, bench.device());
    await bench.copy('two');
    rmSync(bench.device());
    symlinkSync(path, bench.device());
    const named = { ...refused, detail: expect.stringMatching(/^disk 0: .*\/devices\/0 has/) };
    expect(await failure(bench.prove('two'))).toMatchObject(named);
  } finally {
    remove();
    removeWhole();
  }
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
