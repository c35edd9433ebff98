import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { fileSystems, firmwares, volumes } from '../guests/layout.ts';
import { managers } from '../guests/network.ts';

const free = z.record(z.string(), z.unknown());

export const worldVmSchema = z.strictObject({
  name: z.string(),
  folder: z.string().default(''),
  /** The host that it is on: `esx-0`, `esx-1` …, as they were made; else the first. */
  host: z.string().optional(),
  /** A recipe of lab/guests; none: blank or patterned disks. */
  guest: z.enum(['debian-12']).optional(),
  power: z.enum(['on', 'off']).default('off'),
  firmware: z.enum(firmwares).default('bios'),
  /** Of a guest's root. */
  fileSystem: z.enum(fileSystems).default('ext4'),
  /** What it lies in. */
  volume: z.enum(volumes).default('plain'),
  /** Two emulated ones may lose each other's timers where the machine is busy, and a guest then hangs in its boot. */
  cpus: z.number().int().positive().default(1),
  memoryMB: z.number().int().positive().default(512),
  network: z
    .strictObject({
      mac: z.string(),
      address: z.string().optional(),
      gateway: z.string().optional(),
      manager: z.enum(managers).default('ifupdown'),
      name: z.string().default('VM Network'),
    })
    .optional(),
  /** Further NICs. */
  networks: z
    .array(z.strictObject({ mac: z.string(), address: z.string().optional(), name: z.string().default('VM Network') }))
    .default([]),
  disks: z
    .array(
      z.strictObject({
        sizeGB: z.number().positive(),
        datastore: z.string().optional(),
        fill: z
          .string()
          .regex(/^(random|pattern):\d+MB$/)
          .optional(),
      }),
    )
    .default([]),
  config: free.default({}),
  overlay: free.default({}),
  snapshots: z.array(z.string()).default([]),
});
export type WorldVm = z.infer<typeof worldVmSchema>;

const count = z.number().int().positive().default(1);

export const worldSchema = z.strictObject({
  apiVersion: z.literal('tranship.dev/v1').optional(),
  kind: z.literal('World'),
  metadata: free.optional(),
  spec: z.strictObject({
    seed: z.number().int().default(7),
    vcenter: z
      .strictObject({
        datacenters: count,
        /** Of each data centre: C0, C1 … */
        clusters: count,
        /** Of each cluster: esx-0, esx-1 … in all of vCenter. */
        hosts: count,
        /** Disks that the disk library holds open at once on one host; one more is refused. */
        handlesPerHost: z.number().int().positive().optional(),
        datastores: z
          .array(z.strictObject({ name: z.string(), capacityGB: z.number().default(500) }))
          .default([{ name: 'fast-ds', capacityGB: 500 }]),
        networks: z
          .array(z.strictObject({ name: z.string(), type: z.enum(['network', 'dvportgroup']).default('network') }))
          .default([{ name: 'VM Network', type: 'network' }]),
      })
      .prefault({}),
    /** Any property of a host, cluster, datastore or network in vim25 JSON, set as it stands when all is made; by inventory path. */
    overlays: z.array(z.strictObject({ object: z.string().startsWith('/'), set: free })).default([]),
    vms: z.array(worldVmSchema).default([]),
    fleet: z.strictObject({ count: z.number().int().nonnegative(), prefix: z.string().default('fleet-') }).optional(),
    cluster: z
      .strictObject({
        storageClasses: z
          .array(
            z.strictObject({
              name: z.string(),
              default: z.boolean().default(false),
              volumeMode: z.enum(['Filesystem', 'Block']).default('Filesystem'),
              binding: z.enum(['WaitForFirstConsumer', 'Immediate']).default('WaitForFirstConsumer'),
              capacityGB: z.number().optional(),
            }),
          )
          .default([
            { name: 'fast', default: true, volumeMode: 'Filesystem', binding: 'WaitForFirstConsumer' },
            { name: 'block', default: false, volumeMode: 'Block', binding: 'WaitForFirstConsumer' },
          ]),
        networks: z
          .array(z.strictObject({ name: z.string().regex(/^[a-z0-9-]+\/[a-z0-9-]+$/) }))
          .default([{ name: 'apps/vlan21' }]),
      })
      .prefault({}),
  }),
});
export type World = z.infer<typeof worldSchema>;

/** Reads and checks a world file. */
export function readWorld(file: string): World {
  const result = worldSchema.safeParse(parse(readFileSync(file, 'utf8')));
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw new Error(`${file}: ${issue.path.join('.')}: ${issue.message}`);
}
