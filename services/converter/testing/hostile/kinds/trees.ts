import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { convertFiles, inspectFiles } from '../../../acts/offline.ts';
import { guestFiles } from '../../image.ts';
import { type Kind, must, type Place } from '../kind.ts';
import type { Random } from '../random.ts';
import { expected } from './expected.ts';

const secret = 'stolen0';
const targets = (outside: string) => [
  ...[outside, `${outside}/secret.yaml`, '../../../../../../../../../../etc', '../../../../../../../../../../..', '/'],
  ...['.', '..', 'loop', '/proc/self/root', '/dev/zero', '/etc/passwd', '/away', 'a'.repeat(4000)],
];
const names = [
  '$(touch x)',
  '`id`',
  '; id',
  '-rf',
  'a\nb',
  'a"b',
  "a'b",
  'ü🦊',
  '\u0001',
  'n'.repeat(255),
  '%n',
  '\\',
  '*',
];
const folders = [
  '/etc',
  '/etc/netplan',
  '/etc/network',
  '/etc/systemd/network',
  '/boot',
  '/boot/grub',
  '/etc/udev/rules.d',
];
const files = Object.keys(guestFiles('/dev/sda1'));

/** Puts one bad thing into the tree. */
function worsen(root: string, outside: string, random: Random): void {
  const at = join(root, random.chance(0.5) ? random.pick(files) : random.pick(folders));
  switch (random.pick(['link', 'link', 'link', 'name', 'huge', 'other', 'pipe', 'deep'])) {
    case 'link':
      rmSync(at, { recursive: true, force: true });
      mkdirSync(dirname(at), { recursive: true });
      symlinkSync(random.pick(targets(outside)), at);
      return;
    case 'name': {
      const below = join(root, random.pick(folders));
      mkdirSync(below, { recursive: true });
      writeFileSync(join(below, random.pick(names)), 'network: {ethernets: {lan0: {}}}\n');
      return;
    }
    case 'huge':
      rmSync(at, { recursive: true, force: true });
      mkdirSync(dirname(at), { recursive: true });
      writeFileSync(at, 'x');
      truncateSync(at, random.pick([2 ** 20, 2 ** 31, 2 ** 40]));
      return;
    case 'other':
      if (existsSync(at) && statSync(at).isDirectory()) {
        rmSync(at, { recursive: true, force: true });
        writeFileSync(at, 'no folder');
      } else {
        rmSync(at, { force: true });
        mkdirSync(at, { recursive: true });
      }
      return;
    case 'pipe':
      rmSync(at, { recursive: true, force: true });
      mkdirSync(dirname(at), { recursive: true });
      spawnSync('mkfifo', [at], { timeout: 5000 });
      return;
    case 'deep':
      mkdirSync(join(root, 'etc/netplan', 'd/'.repeat(100)), { recursive: true });
  }
}

async function run(random: Random, { folder, signal }: Place): Promise<void> {
  const [root, outside, scratch] = ['tree', 'outside', 'scratch'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const each of [root, outside, scratch]) mkdirSync(each);
  writeFileSync(join(outside, 'secret.yaml'), `network: {ethernets: {${secret}: {addresses: [10.0.0.5/24]}}}\n`);
  for (const [path, content] of Object.entries(guestFiles('/dev/sda1'))) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  for (let left = 1 + random.below(3); left > 0; left--)
    try {
      worsen(root, outside, random);
    } catch {
      // What stands there already may not let it.
    }
  const nics = [{ mac: '00:50:56:aa:00:01', addresses: ['10.0.0.5'] }];
  const request = { files: [root], nics, mediaDir: join(folder, 'none'), scratch, signal };
  const answer = await expected(() => (random.chance(0.5) ? inspectFiles(request) : convertFiles(request)));
  must(!JSON.stringify(answer ?? '').includes(secret), 'a file from outside was read');
  must(readdirSync(outside).join() === 'secret.yaml', 'something was written outside');
  must(
    readFileSync(join(outside, 'secret.yaml'), 'utf8').includes(`{${secret}: {addresses`),
    'a file outside was changed',
  );
}

export const trees: Kind = { share: 40, run };
