import { readdirSync, readFileSync } from 'node:fs';

export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly words: readonly string[];
  readonly rssMB: number;
}

/** The machine's processes, in pods and namespaces too. */
export function processes(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const status = read(name, 'status');
      if (status === '') return []; // it has ended meanwhile
      const field = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
      const words = read(name, 'cmdline').split('\0').slice(0, -1);
      return [{ pid: Number(name), parent: field('PPid'), words, rssMB: field('VmRSS') / 1024 }];
    });
}

/** Those below a process, and itself. */
export function below(all: readonly Process[], root: number): Process[] {
  const parents = new Map(all.map(({ pid, parent }) => [pid, parent]));
  const is = (pid: number | undefined): boolean =>
    pid !== undefined && pid > 1 && (pid === root || is(parents.get(pid)));
  return all.filter(({ pid }) => is(pid));
}

function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
