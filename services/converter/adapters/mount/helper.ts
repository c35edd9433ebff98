import { type ExecFileSyncOptions, execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { answer, type Request } from './messages.ts';
import { MountedFs } from './mounted-fs.ts';
import { systemBelow } from './subvolume.ts';

/**
 * Runs in a mount namespace of its own: mounts a file, and answers requests for the guest's files on it, a line of JSON
 * each, until its input ends. Nothing of the guest is run.
 */
const [file, at, type, scratch] = process.argv.slice(2) as [string, string, string, string];
const deadline: ExecFileSyncOptions = { timeout: 120_000, stdio: ['ignore', 'ignore', 'inherit'] };

mkdirSync(at, { recursive: true });
// The disk may be a copy of one that is mounted here: xfs minds that.
const options = ['loop', 'nosuid', 'nodev', 'noexec', 'noatime', ...(type === 'xfs' ? ['nouuid'] : [])].join(',');
execFileSync('mount', ['-t', type, '-o', options, file, at], deadline);
const fs = new MountedFs(type === 'btrfs' ? systemBelow(at) : at, scratch, new AbortController().signal);
process.stdout.write('{"ready":true}\n');
for await (const line of createInterface(process.stdin))
  process.stdout.write(`${JSON.stringify(await answer(fs, JSON.parse(line) as Request))}\n`);
execFileSync('umount', [at], deadline);
