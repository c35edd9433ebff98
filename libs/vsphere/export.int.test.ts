import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ExportLease, type Ref, VSphere } from './index.ts';
import { startVCenter, type VCenter } from './testing/vcenter.ts';

/** Its last grain is short. */
const odd = (32 * 1024 + 1) / 1024 ** 2;
let vcenter: VCenter;
let client: VSphere;
beforeAll(async () => {
  vcenter = await startVCenter({
    vms: [
      { name: 'off', disks: [{ sizeGB: 0.125, fill: 'random:20MB' }, { sizeGB: 0.01171875 }] },
      { name: 'on', power: 'on', disks: [{ sizeGB: odd }] },
    ],
  });
  const { url, ca, username, password } = vcenter;
  client = new VSphere({ url, trust: { ca }, login: async () => ({ username, password }) });
});
afterEach(() => vcenter.tell('/exports/expire'));
afterAll(async () => {
  await client?.close();
  await vcenter?.stop();
});

const never = new AbortController().signal;
const pause = (ms: number, signal?: AbortSignal) => sleep(ms, undefined, signal ? { signal } : {});
const clock = { now: Date.now, sleep: pause };
const options = { percent: () => 0, signal: never, sleep: pause };
const sha256 = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

interface Listed {
  readonly vm: string;
  readonly id: string;
  readonly path: string;
  readonly key: number;
}
async function disksOf(vm: string): Promise<Listed[]> {
  const all = (await (await fetch(`${vcenter.control}/disks`)).json()) as Listed[];
  return all.filter((each) => each.vm === vm);
}

/** A disk under the lease, read by another program. */
async function exported(lease: ExportLease, key: number): Promise<string> {
  const [vmdk, raw] = [join(vcenter.dir, `${key}.vmdk`), join(vcenter.dir, `${key}.raw`)];
  await pipeline(await lease.download(key, never), createWriteStream(vmdk));
  execFileSync('qemu-img', ['convert', '-f', 'vmdk', '-O', 'raw', vmdk, raw]);
  return sha256(raw);
}

test('export - each disk of a VM that is off, by its key; meanwhile it cannot be started', async () => {
  const disks = await disksOf('off');
  const of: Ref = { type: 'VirtualMachine', value: disks[0]!.id };
  const lease = await ExportLease.open(client, of, options);
  const start = () => client.task(of, 'PowerOnVM_Task', {}, 20_000, clock);
  await expect(start()).rejects.toThrow('InvalidState');
  for (const { key, path } of disks) expect(await exported(lease, key)).toBe(sha256(path));
  await expect(lease.download(1, never)).rejects.toMatchObject({ code: 'transfer.open', retry: false });
  await lease.end('complete');
  await start();
  await client.task(of, 'PowerOffVM_Task', {}, 20_000, clock);
});

test('export - of a VM that runs a snapshot’s bytes, whatever is written since', async () => {
  const [disk] = await disksOf('on');
  writeFileSync(disk!.path, randomBytes(1024 * 1024), { flag: 'r+' });
  const then = sha256(disk!.path);
  const vm: Ref = { type: 'VirtualMachine', value: disk!.id };
  await expect(ExportLease.open(client, vm, options)).rejects.toMatchObject({ code: 'source.contested' });
  const params = { name: 's', description: '', memory: false, quiesce: false };
  const snapshot = (await client.task(vm, 'CreateSnapshot_Task', params, 20_000, clock)) as unknown as Ref;
  writeFileSync((await disksOf('on'))[0]!.path, randomBytes(1024 * 1024), { flag: 'r+' });
  const lease = await ExportLease.open(client, snapshot, options);
  expect(await exported(lease, disk!.key)).toBe(then);
  await lease.end('complete');
});

test('export - what is given up is not sent on', async () => {
  const [disk] = await disksOf('off');
  const lease = await ExportLease.open(client, { type: 'VirtualMachine', value: disk!.id }, options);
  const stop = new AbortController();
  const chunks = (await lease.download(disk!.key, stop.signal))[Symbol.asyncIterator]();
  expect((await chunks.next()).value?.length).toBeGreaterThan(0);
  stop.abort(new Error('enough'));
  const rest = async () => {
    while (!(await chunks.next()).done);
  };
  await expect(rest()).rejects.toThrow('enough');
  await lease.end('abort');
  expect(lease.lost.aborted).toBe(false);
});
