import { run } from '../setup/shell.ts';

const deadlineMs = 5_000;

/** The n of 10.89.n.0/30, which no lab has yet. */
export async function freeSubnet(): Promise<number> {
  const taken = await run('ip', ['-o', '-4', 'addr'], { deadlineMs });
  for (let n = 1; n < 255; n++) if (!taken.includes(`10.89.${n}.`)) return n;
  throw new Error('254 labs are running');
}

/** A pair of links: the machine's end is ours, the other is the lab's eth0. Both go when the lab's namespace goes. */
export async function wire(n: number, init: number): Promise<void> {
  const link = `trlab${n}`;
  const pair = ['link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(init)];
  await run('ip', pair, { deadlineMs });
  await run('ip', ['addr', 'add', `10.89.${n}.1/30`, 'dev', link], { deadlineMs });
  await run('ip', ['link', 'set', link, 'up'], { deadlineMs });
}
