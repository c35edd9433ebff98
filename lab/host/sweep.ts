import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../setup/shell.ts';
import { alive } from '../state.ts';
import { holders } from './holder.ts';

/** Removes what a lab left, however it ended: processes, loop devices, cgroups, files. */
export async function sweep(dir: string): Promise<void> {
  for (const pid of holders(dir)) {
    if (!alive(pid)) continue; // it went with the one before
    process.kill(pid, 'SIGKILL');
    for (let i = 0; i < 100 && alive(pid); i++) await new Promise((done) => setTimeout(done, 50));
  }
  const loops = await run('losetup', ['--list', '--noheadings', '--output', 'NAME,BACK-FILE'], {
    deadlineMs: 10_000,
  }).catch(() => '');
  for (const line of loops.split('\n')) {
    const [name, file] = line.trim().split(/\s+/);
    if (name && file?.startsWith(`${dir}/`)) await run('losetup', ['--detach', name], { deadlineMs: 10_000 });
  }
  removeCgroups();
  rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
}

/** containerd's groups below k8s.io; those in use stay. */
function removeCgroups(): void {
  const base = '/sys/fs/cgroup';
  const roots = existsSync(base) ? [base, ...readdirSync(base).map((name) => join(base, name))] : [];
  for (const root of roots) removeTree(join(root, 'k8s.io'));
}

function removeTree(path: string): void {
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) removeTree(join(path, entry.name));
  try {
    rmdirSync(path);
  } catch {
    // a process still lives in it
  }
}
