import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installPackages } from '../setup/packages.ts';
import type { Finding } from './preflight.ts';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'tranship-probe-'));
beforeAll(installPackages);
afterAll(() => rmSync(dir, { recursive: true }));

/** `lab preflight` of this machine, with a PATH that lacks these. */
function preflight(...lacking: string[]): { findings: Finding[]; code: number | null } {
  const bin = mkdtempSync(join(dir, 'bin-'));
  const all = process.env
    .PATH!.split(delimiter)
    .flatMap((folder) => names(folder).map((name) => [name, folder] as const));
  // The first on the PATH counts.
  for (const [name, folder] of new Map(all.reverse()))
    if (!lacking.includes(name)) symlinkSync(join(folder, name), join(bin, name));
  const env = { ...process.env, PATH: bin, TRANSHIP_LAB_DIR: join(dir, 'state/lab') };
  const { stdout, status } = spawnSync(process.execPath, [main, 'preflight', '--json'], { env, encoding: 'utf8' });
  return { findings: JSON.parse(stdout), code: status };
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // a PATH may name what is not there
  }
}

const named = (findings: readonly Finding[], name: string) => findings.find((each) => each.name === name);

test('probe - the kernel of this machine, on which labs run, has what they need', () => {
  const { findings } = preflight();
  for (const name of ['namespaces', 'veth', 'bridge', 'tun', 'overlayfs', 'loop', 'nftables', 'cgroups'])
    expect(named(findings, name)).toMatchObject({ ok: true });
});

test('probe - without the programs that ask: they are told, each with its package, and no feature of the kernel', () => {
  const { findings, code } = preflight('ip', 'nft');
  const programs = findings.filter(({ name }) => name.startsWith('the program'));
  expect(programs).toMatchObject([
    { name: 'the program ip', fix: expect.stringContaining('apt-get install iproute2') },
    { name: 'the program nft', fix: expect.stringContaining('apt-get install nftables') },
  ]);
  for (const name of ['veth', 'bridge', 'tun', 'dummy', 'nftables']) expect(named(findings, name)).toBeUndefined();
  expect(named(findings, 'loop')).toMatchObject({ ok: true });
  expect(code).toBe(1);
});

test('probe - a /dev/shm as a container has it is too small', () => {
  mkdirSync(join(dir, 'state'), { recursive: true });
  const script = `mount -t tmpfs -o size=64m tmpfs /dev/shm && mount -t tmpfs -o size=64m tmpfs "$1" && exec "$2" "$3" preflight --json`;
  const args = ['--mount', 'bash', '-c', script, 'bash', join(dir, 'state'), process.execPath, main];
  const env = { ...process.env, TRANSHIP_LAB_DIR: join(dir, 'state/lab') };
  const { stdout } = spawnSync('unshare', args, { env, encoding: 'utf8' });
  const findings = JSON.parse(stdout) as Finding[];
  for (const name of ['5 GB of disk for the state (0 free)', '500 MB in /dev/shm (64 free)'])
    expect(named(findings, name)).toMatchObject({ ok: false });
});
