import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { lives } from '../setup/owner.ts';
import { holders } from './holder.ts';
import { detachLoops } from './loops.ts';

/** Removes what a lab left, however it ended: processes, loop devices, cgroups, files. */
export async function sweep(dir: string): Promise<void> {
  for (const pid of holders(dir)) {
    if (!lives(pid)) continue; // it went with the one before
    process.kill(pid, 'SIGKILL');
    for (let i = 0; i < 100 && lives(pid); i++) await new Promise((done) => setTimeout(done, 50));
  }
  await detachLoops(dir);
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
