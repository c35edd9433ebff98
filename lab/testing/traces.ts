import { execFileSync } from 'node:child_process';
import { existsSync, openSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { holders } from '../host/holder.ts';
import { processes } from '../host/processes.ts';

/** What the lab that runs in `dir` is known by; gives who lists what this machine has of it. */
export function tracesOf(dir: string): () => string[] {
  const holder = holders(dir).at(-1)!;
  const namespaces = namespacesOf(holder).filter((each) => !namespacesOf(process.pid).includes(each));
  // As long as these are open here no other lab's has their number.
  for (const kind of kinds) openSync(`/proc/${holder}/ns/${kind}`, 'r');
  const { address } = JSON.parse(readFileSync(join(dir, 'settings.json'), 'utf8')) as { address: string };
  const ours = (text: string) => [dir, ...namespaces].some((each) => text.includes(each));
  const isOurs = (pid: number) => ours([...['cmdline', 'environ'].map(read(pid)), ...namespacesOf(pid)].join(' '));
  // The machine's end of its link has the address before its own, and a number that no later link has.
  const [link] = new RegExp(`^\\d+: .*${address.replace(/2$/, '1/').replaceAll('.', '\\.')}`, 'm').exec(links())!;
  return () => [
    ...processes().flatMap(({ pid, words }) => (isOurs(pid) ? [`process ${words.join(' ')}`] : [])),
    ...lines('mount', readFileSync('/proc/self/mountinfo', 'utf8')).filter(ours),
    ...lines('loop', print('losetup', '--list', '--noheadings', '--output', 'NAME,BACK-FILE')).filter(ours),
    ...lines('link', links()).filter((line) => line.startsWith(`link ${link}`)),
    ...(existsSync(dir) ? [`folder ${dir}`] : []),
  ];
}

const print = (program: string, ...args: string[]) =>
  execFileSync(program, args, { encoding: 'utf8', timeout: 10_000 });
const links = () => print('ip', '-o', '-4', 'addr');
const lines = (what: string, text: string) => text.split('\n').map((line) => `${what} ${line}`);

/** Nothing of a process that has ended meanwhile. */
const read = (pid: number) => (file: string) => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
};

/** Those that keep nothing else alive. */
const kinds = ['pid', 'uts'];

/** As the kernel names them: `net:[4026532008]`. */
const namespacesOf = (pid: number): string[] =>
  kinds.flatMap((kind) => {
    try {
      return [readlinkSync(`/proc/${pid}/ns/${kind}`)];
    } catch {
      return [];
    }
  });
