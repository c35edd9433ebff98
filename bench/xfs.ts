import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootOffset } from '../lab/guests/base.ts';

const call = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { stdio: ['ignore', 'pipe', 'ignore'], timeout: 300_000, encoding: 'utf8' }).trim();

/** A guest's disk with the same files on xfs, by the same UUID: grub.cfg stays as it is. The node's kernel mounts both. */
export function onXfs(from: string, to: string, work: string): void {
  const offset = rootOffset({ firmware: 'bios', volume: 'plain' });
  const [source, target, part] = ['ext4', 'xfs', 'part'].map((name) => join(work, name)) as [string, string, string];
  for (const folder of [source, target]) mkdirSync(folder, { recursive: true });
  call('truncate', '-s', String(statSync(from).size - offset), part);
  const uuid = call('blkid', '-p', '-O', String(offset), '-s', 'UUID', '-o', 'value', from);
  call('mkfs.xfs', '-q', '-m', `uuid=${uuid}`, part);
  call('mount', '-o', `loop,ro,offset=${offset}`, from, source);
  try {
    call('mount', '-o', 'loop', part, target);
    try {
      call('cp', '-a', `${source}/.`, target);
      writeFileSync(join(target, 'etc/fstab'), `UUID=${uuid} / xfs defaults 0 1\n`);
    } finally {
      call('umount', target);
    }
  } finally {
    call('umount', source);
  }
  call('dd', `if=${from}`, `of=${to}`, 'bs=1M', `count=${offset / 1024 ** 2}`);
  call('dd', `if=${part}`, `of=${to}`, 'bs=1M', `seek=${offset / 1024 ** 2}`, 'conv=notrunc,sparse');
  rmSync(part);
}
