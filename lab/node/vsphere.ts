import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type NatsUser, natsAuthorization } from '@tranship/contracts';
import { fillImage } from '../guests/fill.ts';
import { guestImage } from '../guests/recipe.ts';
import { writeWhole } from '../state.ts';
import type { World } from '../world/schema.ts';
import { vcsimWorld } from '../world/vcsim.ts';
import type { PartSpec } from './part.ts';
import type { Settings } from './settings.ts';

export const vcenterUser = 'administrator@vsphere.local';
export const vcenterPort = 8989;
export const control = (address: string): string => `http://${address}:8990`;

/** The bytes that each VM's disks begin with, as files beside the state. */
async function images(world: World, dir: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const vm of world.spec.vms) {
    const files: string[] = [];
    for (const [i, disk] of vm.disks.entries()) {
      const file = join(dir, `${found.size}-${i}.raw`);
      if (vm.guest && i === 0) await guestImage(vm, file);
      else if (disk.fill)
        fillImage(file, disk.fill, Math.round(disk.sizeGB * 1024 ** 3), `${world.spec.seed}/${vm.name}/${i}`);
      files.push(disk.fill || (vm.guest && i === 0) ? file : '');
    }
    found.set(vm.name, files);
  }
  return found;
}

interface Addresses {
  readonly listen: string;
  readonly control: string;
  /** Who is told of power and stuns; without one the VMs are alone. */
  readonly hook?: string;
}

const usual = (address: string): Addresses => ({
  listen: `${address}:${vcenterPort}`,
  control: `${address}:8990`,
  hook: 'http://127.0.0.1:8991',
});

/** vcsim with its world; the password is made anew for each lab. */
export async function vcsim(
  { dir, address, bin }: Pick<Settings, 'dir' | 'address' | 'bin'>,
  world: World,
  password: string,
  addresses = usual(address),
): Promise<PartSpec> {
  const folder = join(dir, 'images');
  for (const each of [folder, join(dir, 'datastores')]) mkdirSync(each, { recursive: true });
  // vcsim makes a VM's folder in its first datastore only.
  for (const vm of world.spec.vms)
    for (const { datastore } of vm.disks)
      if (datastore) mkdirSync(join(dir, 'datastores', datastore, vm.name), { recursive: true });
  const file = join(dir, 'world.json');
  writeWhole(file, JSON.stringify(vcsimWorld(world, await images(world, folder))));
  writeFileSync(join(dir, 'vcenter.credentials'), `${vcenterUser}:${password}\n`, { mode: 0o600 });
  const flags = {
    ...addresses,
    world: file,
    dir: join(dir, 'datastores'),
    credentials: join(dir, 'vcenter.credentials'),
    'tls-cert': join(dir, 'pki/vcenter.crt'),
    'tls-key': join(dir, 'pki/vcenter.key'),
  };
  const command: [string, ...string[]] = [
    join(bin, 'lab'),
    'vcsim',
    ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]),
  ];
  const ready = async () => (await fetch(`http://${addresses.control}/healthz`)).ok;
  return { name: 'vcsim', command, ready, env: { TMPDIR: dir } };
}

/** The password of a user of NATS, in a file of the state folder. */
export const natsPassword = (dir: string, user: NatsUser | 'observer'): string => join(dir, 'nats-passwords', user);

/** The lab's own: hears all that goes over NATS, for measurements, and says nothing. */
const observer = (password: string) => ({
  ...{ user: 'observer', password },
  permissions: { publish: { deny: ['>'] }, subscribe: { allow: ['>'] } },
});

/** NATS with the users and permissions of an installation; the passwords are made anew for each lab. */
export function nats(settings: Settings): PartSpec {
  const { dir, address, bin } = settings;
  const file = join(dir, 'nats.conf');
  mkdirSync(join(dir, 'nats-passwords'), { recursive: true });
  const password = (user: NatsUser | 'observer') => {
    const made = randomBytes(18).toString('base64url');
    writeFileSync(natsPassword(dir, user), made, { mode: 0o600 });
    return made;
  };
  const config = {
    listen: `${address}:4222`,
    http: '127.0.0.1:8222',
    jetstream: { store_dir: join(dir, 'nats'), sync_interval: 'always' },
    authorization: { users: [...natsAuthorization(password).users, observer(password('observer'))] },
  };
  writeWhole(file, JSON.stringify(config), 0o600);
  const ready = async () => (await fetch('http://127.0.0.1:8222/healthz')).ok;
  return { name: 'nats', command: [join(bin, 'lab'), 'nats', '-c', file], ready };
}
