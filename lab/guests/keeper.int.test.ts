import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startVCenter } from '../testing/vcenter.ts';
import { worldSchema } from '../world/schema.ts';
import { Keeper, powerOn } from './keeper.ts';
import { qmp } from './qmp.ts';

/** A machine without disks: QEMU is real, its firmware finds nothing to boot. */
const world = worldSchema.parse({ kind: 'World', spec: { vms: [{ name: 'web-01', guest: 'debian-12' }] } });
const path = process.env.PATH;
let dir: string;
let keeper: Keeper;
let vcsim: Server;
let hook: Server;
/** What the keeper told vcsim. */
let told: string[];

const port = (server: Server) => (server.address() as AddressInfo).port;
const monitor = () => join(dir, 'web-01.qmp');
const status = async () => ((await qmp(monitor(), 'query-status')) as { status: string }).status;
async function tell(event: string) {
  const body = JSON.stringify({ event, vm: 'web-01' });
  const answer = await fetch(`http://127.0.0.1:${port(hook)}`, { method: 'POST', body });
  return { status: answer.status, says: await answer.text() };
}

/** Its process; it is ours, by the socket in its arguments. */
function qemu(): number {
  return Number(execFileSync('pgrep', ['-f', monitor()], { encoding: 'utf8' }).trim());
}

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'keeper-'));
  told = [];
  vcsim = createServer(async (request, response) => {
    await text(request);
    if (request.method === 'POST') told.push(request.url!);
    response.end('[]');
  }).listen(0, '127.0.0.1');
  await vi.waitUntil(() => vcsim.listening);
  keeper = new Keeper(world, `http://127.0.0.1:${port(vcsim)}`, dir);
  hook = keeper.listen(0, '127.0.0.1');
  await vi.waitUntil(() => hook.listening);
});
afterEach(async () => {
  process.env.PATH = path;
  await keeper.stop();
  for (const each of [hook, vcsim]) each.close();
  rmSync(dir, { recursive: true, force: true });
});

test('keeper - a stun that the guest does not follow is no stun; it goes on, and one that cannot has its power cut', async () => {
  expect(await tell('poweredOn')).toMatchObject({ status: 200 });
  await vi.waitUntil(() => status().catch(() => false), { timeout: 20_000 });
  expect(await tell('stun')).toMatchObject({ status: 200 });
  expect(await status()).toBe('paused');
  expect(await tell('unstun')).toMatchObject({ status: 200 });
  expect(await status()).toBe('running');
  process.kill(qemu(), 'SIGSTOP');
  for (const [event, says] of [
    ['stun', /^stop: no answer/],
    ['shutdownGuest', /^system_powerdown: no answer/],
    // Or its monitor takes no further one who waits.
    ['unstun', /^cont: no answer|EAGAIN/],
  ] as const)
    expect(await tell(event)).toEqual({ status: 500, says: expect.stringMatching(says) });
  await expect.poll(() => told).toEqual(['/power/off?vm=web-01']);
});

test('keeper - a QEMU that cannot be started is off for vSphere, and nobody waits for its end', async () => {
  process.env.PATH = dir;
  await tell('poweredOn');
  await expect.poll(() => told).toEqual(['/power/off?vm=web-01']);
  await keeper.stop();
});

test('power on - what vCenter refuses is told to whoever asked', async () => {
  const vcenter = await startVCenter({ vms: [{ name: 'web-01' }] });
  try {
    await powerOn(vcenter.control, 'web-01');
    await expect(powerOn(vcenter.control, 'web-01')).rejects.toThrow('web-01 does not start: *types.InvalidPowerState');
  } finally {
    await vcenter.stop();
  }
});
