import { readFileSync } from 'node:fs';

/** Who holds a lock or a folder: the pid, and when that process began, since pids are used again. */
export const ownerOf = (pid: number): string => `${pid}-${began(pid)}`;
export const self = (): string => ownerOf(process.pid);

export function ownerLives(owner: string): boolean {
  const [pid, start] = owner.split('-');
  return start !== undefined && start !== '' && began(Number(pid)) === start;
}

export const lives = (pid: number): boolean => began(pid) !== '';

/** In the kernel's ticks since it started; empty when there is no such process, or nobody has asked yet how it ended. */
function began(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? '' : (fields[19] ?? '');
  } catch {
    return '';
  }
}
