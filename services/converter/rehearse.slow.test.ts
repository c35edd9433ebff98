import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type StepInput, steps } from '@tranship/contracts';
import { systemClock } from '@tranship/service-kit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { baseImage, rootOffset } from '../../lab/guests/base.ts';
import { personalise } from '../../lab/guests/personalise.ts';
import { worldVmSchema } from '../../lab/world/schema.ts';
import { configSchema } from './config.ts';
import { rehearse } from './handlers/rehearse.ts';
import { debugfs } from './testing/image.ts';
import { agentMedia } from './testing/media.ts';

/** Emulated, the guest takes about a minute. */
const bootMs = 400_000;
const mac = '00:50:56:aa:00:50';
const address = '192.168.76.50/24';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tranship-rehearse-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const image = () => join(folder, 'disks/0/disk.img');
async function digest(): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(image()), hash);
  return hash.digest('hex');
}

/** The disk of a genuine Debian, as a pass over it leaves it while it runs: its journal is not empty for the kernel. */
async function running(): Promise<void> {
  mkdirSync(join(folder, 'disks/0'), { recursive: true });
  const vm = worldVmSchema.parse({
    name: 'web',
    guest: 'debian-12',
    network: { mac, address },
    disks: [{ sizeGB: 1 }],
  });
  await personalise(vm, await baseImage(vm), image());
  debugfs(image(), rootOffset({ firmware: 'bios', volume: 'plain' }) / 1024 ** 2, ['feature needs_recovery'], true);
}

async function rehearsed(more: Partial<StepInput<'rehearse'>> = {}) {
  const stored = new Map<string, Buffer>();
  const objects = {
    put: async (data: string | Uint8Array) => {
      const name = `evidence/m/vm/${stored.size}`;
      stored.set(name, Buffer.from(data));
      return name;
    },
    prune: async () => [],
  };
  const config = configSchema.parse({
    ...{ migration: 'm', vm: 'vm', disksDir: join(folder, 'disks'), scratchDir: join(folder, 'scratch') },
    // KVM that is there may be one that cannot boot any guest.
    ...{ mediaDir: await agentMedia(), rehearsalMemoryMB: '512', rehearsalKvm: 'never' },
  });
  const disk = { index: 0, key: 2000, file: '[ds] web/web.vmdk', sizeBytes: 960 * 1024 ** 2, storageClass: 'fast' };
  const input = steps.rehearse.input.parse({
    ...{ migration: 'm', vm: 'vm', workbench: 'w', pass: 3, mode: 'auto', agent: 'required', deadlineMs: 120_000 },
    target: {
      ...{ name: 'web', namespace: 'apps', cpus: 2, coresPerSocket: 1, memoryMB: 4096, firmware: 'bios' },
      disks: [{ ...disk, volumeMode: 'Filesystem', accessMode: 'ReadWriteOnce', bus: 'virtio' }],
      nics: [{ mac, model: 'virtio', network: { type: 'pod' }, slot: 192, addresses: [address] }],
      ...{ runStrategy: 'Always', labels: {}, annotations: {}, nodeSelector: {} },
    },
    ...more,
  });
  const context = { clock: systemClock, signal: AbortSignal.timeout(bootMs) };
  const result = steps.rehearse.result.parse(await rehearse(config, objects, input, context));
  return { result, stored };
}

// One that comes up: e2e/warm.e2e.test.ts.
test(
  'rehearsal - a Debian copied while it ran, unconverted, does not come up: the reason is told from its console, with the evidence; the copy is as it was, and nothing is left',
  async () => {
    await running();
    const before = await digest();
    const { result, stored } = await rehearsed({ mode: 'none' });
    expect(result).toMatchObject({
      ...{ pass: 3, passed: false, error: { code: 'rehearsal.no-boot', detail: expect.stringMatching(/initramfs/) } },
      boot: { accelerator: 'tcg', memoryMB: 512, mark: 'nothing' },
    });
    expect(stored.get(result.boot!.console)?.toString()).toMatch(/Linux version 6.*does not exist/s);
    expect(stored.get(result.boot!.screen!)?.subarray(1, 4).toString()).toBe('PNG');
    expect(await digest()).toBe(before);
    expect(readdirSync(join(folder, 'scratch'))).toEqual([]);
  },
  bootMs,
);
