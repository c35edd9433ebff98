import { expect, test } from 'vitest';
import { bad, good, problem, queued, run } from '../testing/course.ts';
import { newCourse } from './course.ts';
import { agentMode } from './health.ts';

const course = (asked: 'required' | 'ifPresent' | 'ignore', convert?: object) => {
  const { plan } = queued({ health: { agent: asked, deadlineMs: 1 } });
  return { ...newCourse('p-1', 'vm-1'), plan, results: convert ? { convert } : {} };
};

test('health - an agent that the guest holds must answer; where it has none, or nobody can tell, one that answers is enough', () => {
  const table = [
    // asked, engine, agent: what is watched for
    ['ifPresent', 'direct', 'present', 'required'],
    ['ifPresent', 'appliance', 'present', 'required'],
    ['ifPresent', 'direct', 'later', 'ifPresent'],
    ['ifPresent', 'direct', 'absent', 'ifPresent'],
    ['ifPresent', 'appliance', 'unknown', 'ifPresent'],
    // As conversions of old told it.
    ['ifPresent', 'direct', undefined, 'ifPresent'],
    ['ifPresent', 'none', 'unknown', 'ignore'],
    ['ignore', 'direct', 'present', 'ignore'],
    ['required', 'direct', 'absent', 'required'],
    ['required', 'none', 'unknown', 'required'],
  ] as const;
  for (const [asked, engine, agent, watched] of table)
    expect([asked, engine, agent, agentMode(course(asked, { engine, agent }))]).toEqual([
      asked,
      engine,
      agent,
      watched,
    ]);
  expect(agentMode(course('ifPresent'))).toBe('ifPresent');
});

test('health - a converted guest with an agent that does not come up is held for a person, by the default too', () => {
  /** A target that runs, and in which nothing answers: as vm-builder judges it. */
  const silent = (agent: string) =>
    run(queued(), (step, now, clock) => {
      const event = good(step, now, clock);
      if (step === 'convert') return { ...event, data: { engine: 'direct', agent } } as typeof event;
      if (step !== 'watchHealth') return event;
      return agentMode(now) === 'required'
        ? bad(step, now, problem('target.unhealthy'))
        : ({ ...event, data: { proven: false } } as typeof event);
    }).course;
  expect(silent('present')).toMatchObject({ state: 'DN', error: { code: 'target.unhealthy' }, concerns: [] });
  expect(silent('later')).toMatchObject({ state: 'OK', concerns: [{ why: expect.stringContaining('installs') }] });
  expect(silent('absent')).toMatchObject({ state: 'OK', concerns: [{ id: 'target.unproven' }] });
});
