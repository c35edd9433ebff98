import { statSync, writeFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { systemClock } from '@tranship/service-kit';
import { ExportLease, VSphere } from '@tranship/vsphere';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Bench, type Lease, mib, type Pass, sha256, until } from './testing/bench.ts';

let bench: Bench;
/** Leases of earlier tests. */
let before = 0;

beforeAll(async () => {
  bench = await Bench.start({
    vms: [
      { name: 'two', disks: [{ sizeGB: 0.25, fill: 'random:40MB' }, { sizeGB: 0.0625 }] },
      { name: 'long', disks: [{ sizeGB: 0.125, fill: 'random:96MB' }] },
      { name: 'on', power: 'on', disks: [{ sizeGB: 0.0625 }] },
    ],
  });
});
afterEach(async () => {
  await bench.slow(0);
  await bench.tell('/exports/timeout?after=5m');
  expect((await leases()).filter(({ How }) => How === 'open')).toEqual([]);
  before = (await bench.leases()).length;
  bench.renew();
});
afterAll(() => bench?.stop());

const never = new AbortController().signal;
const nfc: Pass = { method: 'nfc' };
const leases = async (): Promise<Lease[]> => (await bench.leases()).slice(before);
const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );
const doneBytes = () => Math.max(0, ...bench.progress.map((each) => each.doneBytes));

/** A copy of `long` that takes its time, caught when something is done. */
async function halfWay(signal = never, pass = nfc) {
  await bench.slow(0, 3);
  const copied = bench.copy('long', signal, pass);
  const settled = failure(copied);
  await until('some of the disk', () => doneBytes() > 48 * mib);
  return { copied, settled };
}

test('nfc - the bytes of every disk are the source’s, holes stay holes, the proof holds; one lease for all', async () => {
  const { disks } = await bench.copy('two', never, nfc);
  for (const index of [0, 1]) expect(sha256(bench.target(index))).toBe(sha256(bench.source('two', index)));
  expect(disks).toMatchObject([
    { index: 0, readBytes: 40 * mib, via: { method: 'nfc', why: 'as the provider says' } },
    { index: 1, readBytes: 0 },
  ]);
  expect(statSync(bench.target()).blocks * 512).toBeLessThan(42 * mib);
  expect((await bench.prove('two')).disks.map(({ root }) => root)).toEqual(disks.map(({ root }) => root));
  expect(await leases()).toMatchObject([{ Of: 'ExportVm', How: 'complete', Gets: 2 }]);
});

test('nfc - an export and the disk library read the same bytes', async () => {
  const exported = await bench.copy('long', never, nfc);
  bench.renew();
  const read = await bench.copy('long');
  expect(exported.disks[0]!.root).toBe(read.disks[0]!.root);
  expect(read.disks[0]!.via).toMatchObject({ method: 'vddk' });
});

test('nfc - the lease is told how far the disk is read, and so outlives its own time', async () => {
  await bench.tell('/exports/timeout?after=2s');
  await bench.slow(0, 3);
  const began = Date.now();
  await bench.copy('long', never, nfc);
  expect(Date.now() - began).toBeGreaterThan(3_000);
  const [{ How, Percents } = { How: undefined, Percents: null }] = await leases();
  expect(How).toBe('complete');
  expect([...Percents!].sort((a, b) => a - b)).toEqual(Percents);
  expect(Percents!.filter((percent) => percent > 0 && percent < 100).length).toBeGreaterThan(2);
});

test('nfc - cancelled in the middle, the lease is given back; the next copy goes on from its ledger', async () => {
  const stop = new AbortController();
  const { settled } = await halfWay(stop.signal);
  stop.abort(new Error('cancelled'));
  expect(await settled).toMatchObject({ message: 'cancelled' });
  expect(await leases()).toMatchObject([{ How: 'abort' }]);
  bench.reads.length = 0;
  await bench.slow(0);
  const { disks } = await bench.copy('long', never, nfc);
  expect(disks[0]!.resumedBytes).toBeGreaterThan(16 * mib);
  expect(Math.min(...bench.reads)).toBeGreaterThanOrEqual(disks[0]!.resumedBytes);
  expect(sha256(bench.target())).toBe(sha256(bench.source('long')));
});

test.each([
  ['its lease has run out', '/exports/expire'],
  ['the session has ended', '/sessions/expire'],
])('nfc - when %s in the middle, another lease is taken', async (_, what) => {
  // Told soon that its session is none any more, and given free soon: no word comes of it.
  await bench.tell('/exports/timeout?after=3s');
  const { copied } = await halfWay();
  await bench.tell(what);
  const { disks } = await copied;
  expect(disks[0]!.resumedBytes).toBeGreaterThan(0);
  expect(sha256(bench.target())).toBe(sha256(bench.source('long')));
  expect((await leases()).map(({ How }) => How)).toEqual(['timeout', 'complete']);
});

test('nfc - the lease of one who died is waited for', async () => {
  await bench.tell('/exports/timeout?after=3s');
  const { url, ca, username, password } = bench.vcenter;
  const dead = new VSphere({ url, trust: { ca }, login: async () => ({ username, password }) });
  await dead.call({ type: 'VirtualMachine', value: bench.id('two') }, 'ExportVm');
  await bench.copy('two', never, nfc);
  expect((await leases()).map(({ How }) => How)).toEqual(['timeout', 'complete']);
  await dead.close();
});

test('nfc - a VM that runs is contested', async () => {
  expect(await failure(bench.copy('on', never, nfc))).toMatchObject({ code: 'source.contested', retry: false });
  expect(await leases()).toEqual([]);
});

test('auto - where the library is not there, a VM that is off is exported, and the reason told', async () => {
  const { disks } = await bench.copy('two', never, { method: 'auto', plugin: 'none.so' });
  for (const { via } of disks)
    expect(via).toEqual({
      method: 'nfc',
      why: expect.stringMatching(/^auto: vddk does not open .*cannot open plugin/),
    });
  expect(sha256(bench.target())).toBe(sha256(bench.source('two')));
});

test('auto - a copy that fell back goes on as it began, though the library is there now', async () => {
  const stop = new AbortController();
  const { settled } = await halfWay(stop.signal, { method: 'auto', plugin: 'none.so' });
  stop.abort(new Error('cancelled'));
  await settled;
  await bench.slow(0);
  const { disks } = await bench.copy('long', never, { method: 'auto' });
  expect(disks[0]).toMatchObject({ via: { method: 'nfc' } });
  expect(disks[0]!.resumedBytes).toBeGreaterThan(0);
});

test('auto - with the library, and with a wrong password, nothing is exported', async () => {
  expect((await bench.copy('two', never, { method: 'auto' })).disks[0]).toMatchObject({ via: { method: 'vddk' } });
  bench.renew();
  writeFileSync(bench.credential('password'), 'wr0ng');
  expect(await failure(bench.copy('two', never, { method: 'auto' }))).toMatchObject({ code: 'vsphere.login' });
  expect(await leases()).toEqual([]);
});

test('secret - the ticket of an export is in no error', async () => {
  const { url, ca, username, password } = bench.vcenter;
  const client = new VSphere({ url, trust: { ca }, login: async () => ({ username, password }) });
  const of = { type: 'VirtualMachine', value: bench.id('two') };
  const options = { percent: () => 0, signal: never, sleep: systemClock.sleep };
  const lease = await ExportLease.open(client, of, options);
  await lease.end('complete');
  const error = await failure(lease.download(bench.key('two'), never));
  expect(error).toMatchObject({ code: 'transfer.open', message: expect.stringContaining('answers 404') });
  expect(inspect(error, { depth: 20, showHidden: true })).not.toContain('disk-0.vmdk');
  await client.close();
});
