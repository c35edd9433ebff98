import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { subjects } from '@tranship/contracts';
import { type Gap, Gaps, looks, share } from './gaps.ts';
import { blankDefaults, blanks, withLab } from './lab.ts';
import { type Line, line, median } from './measure.ts';
import { observe } from './observe.ts';

const boundMs = 20;
/** VMs for each round: a course has seven such gaps. */
const vmsARound = 3;
const secondsAVm = 90;

/**
 * From the end of a step to the start of the next, inside the downtime: running blank VMs move one after the other through the
 * services on the lab, and what goes over NATS is heard from outside. A VM that shall not run ends with `settle` where another's
 * source would be checked.
 */
export async function stepGap(rounds: number): Promise<Line> {
  const vms = blanks('gap', rounds * vmsARound);
  return withLab(vms, async (story) => {
    const { url, passwords } = story.lab.nats;
    const password = readFileSync(join(passwords, 'observer'), 'utf8');
    const gaps = new Gaps();
    const stop = await observe(
      { url, user: 'observer', password, subjects: [subjects.commands('planner'), `${looks}.>`] },
      (...heard) => gaps.hear(...heard),
    );
    const more = { concurrency: { vms: 1 }, defaults: { ...blankDefaults, targetPower: 'off' } };
    await story.plan(
      'gap',
      vms.map(({ name }) => ({ name })),
      more,
    );
    const { state } = await story.finished(await story.start('gap'), vms.length * secondsAVm);
    stop();
    if (state !== 'succeeded') throw new Error(`the VMs did not move: ${state}`);
    const inside = gaps.all.filter(({ after }) => after !== 'prepare');
    const sorted = inside.map(({ ms }) => ms).sort((a, b) => a - b);
    const of = (chosen: readonly Gap[]) => median(chosen.map(({ ms }) => ms));
    const byVm = [...Map.groupBy(inside, ({ vm }) => vm).values()].map((each) => of(each) / boundMs);
    const bySteps = [...Map.groupBy(inside, ({ after }) => after)].map(([after, each]) => [`${after}Ms`, of(each)]);
    return line('step-gap', `a bound of ${boundMs} ms`, byVm, {
      ...{ p50Ms: share(sorted, 0.5), p99Ms: share(sorted, 0.99), maxMs: sorted.at(-1)!, samples: sorted.length },
      ...Object.fromEntries(bySteps),
    });
  });
}
