import { locked } from '../setup/lock.ts';
import { run } from '../setup/shell.ts';

const deadlineMs = 5_000;
/** Of the machine, as its networks are: wherever the labs keep their state. */
const lock = '/run/tranship-subnet.lock';
const longestMs = 60_000;

/** Runs what wires a lab to a subnet that no other has, nor takes meanwhile: the n of 10.89.n.0/30. */
export const withSubnet = <T>(work: (n: number) => Promise<T>): Promise<T> =>
  locked(lock, async () => work(await freeSubnet()), longestMs);

/** Of the addresses and of the routes: another's network may lie behind a gateway. */
export async function freeSubnet(): Promise<number> {
  const ask = (args: readonly string[]) => run('ip', ['-o', '-4', ...args], { deadlineMs });
  return unused(`${await ask(['addr'])}\n${await ask(['route', 'show', 'table', 'all'])}`);
}

/** A route wider than 10.89.0.0/16 takes nothing: the lab's own goes before it. */
export function unused(told: string): number {
  const taken = new Set<number>();
  for (const [, third, bits = '32'] of told.matchAll(/\b10\.89\.(\d+)\.\d+(?:\/(\d+))?/g)) {
    const span = Number(bits) < 16 ? 1 : 2 ** Math.max(0, 24 - Number(bits));
    const first = Number(third) - (Number(third) % span);
    for (let n = first; n < first + span; n++) taken.add(n);
  }
  for (let n = 1; n < 255; n++) if (!taken.has(n)) return n;
  throw new Error('no network of 10.89.0.0/16 is free');
}

/** A pair of links: the machine's end is ours, the other is the lab's eth0. Both go when the lab's namespace goes. */
export async function wire(n: number, init: number): Promise<void> {
  const link = `trlab${n}`;
  const pair = ['link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(init)];
  await run('ip', pair, { deadlineMs });
  await run('ip', ['addr', 'add', `10.89.${n}.1/30`, 'dev', link], { deadlineMs });
  await run('ip', ['link', 'set', link, 'up'], { deadlineMs });
}
