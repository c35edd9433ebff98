import { TranshipError } from '@tranship/contracts';
import { describe, expect, it } from 'vitest';
import { poll, retry } from './retry.ts';
import { FakeClock } from './testing.ts';

const away = () => new TranshipError('kube.unreachable', 'away');
const refused = () => new TranshipError('kube.forbidden', 'no');
const options = { attempts: 5, baseMs: 100, maxMs: 300 };

/** Runs it on a clock that nobody waits for; gives the moments of the tries. */
async function tries(outcomes: (Error | string)[], more: object = {}) {
  const clock = new FakeClock(0);
  const at: number[] = [];
  const result = retry(
    async () => {
      at.push(clock.now());
      const next = outcomes.shift()!;
      if (next instanceof Error) throw next;
      return next;
    },
    { ...options, clock, ...more },
  ).catch((error: unknown) => error);
  await clock.advance(10_000);
  return { at, result: await result };
}

describe('retry', () => {
  it('retry - backs off twofold up to the most, until it succeeds', async () => {
    const { at, result } = await tries([away(), away(), away(), away(), 'done']);
    expect(result).toBe('done');
    expect(at).toEqual([0, 100, 300, 600, 900]);
  });

  it('retry - the last error is thrown when the tries are spent', async () => {
    const last = away();
    const { at, result } = await tries([away(), last], { attempts: 2 });
    expect(result).toBe(last);
    expect(at).toHaveLength(2);
  });

  it('retry - what another try cannot help is thrown at once; who calls may know better', async () => {
    expect((await tries([refused(), 'done'])).at).toHaveLength(1);
    expect((await tries([refused(), 'done'], { retriable: () => true })).result).toBe('done');
  });

  it('retry - progress gives it all attempts anew, and the short pauses', async () => {
    const clock = new FakeClock(0);
    const come = [0, 1, 1, 2, 0, 2];
    const at: number[] = [];
    const work = async () => {
      at.push(clock.now());
      throw away();
    };
    const reached = () => come[at.length]!;
    const result = retry(work, { ...options, attempts: 3, clock, reached }).catch((error: unknown) => error);
    await clock.advance(10_000);
    expect(await result).toMatchObject({ code: 'kube.unreachable' });
    // Further at the first and the third; what only catches up is no progress.
    expect(at).toEqual([0, 100, 300, 400, 600]);
  });

  it('retry - ends with the signal, also in a pause', async () => {
    const stop = new AbortController();
    const clock = new FakeClock(0);
    const result = retry(() => Promise.reject(away()), { ...options, clock, signal: stop.signal });
    const caught = expect(result).rejects.toThrow('enough');
    await clock.advance(150);
    stop.abort(new Error('enough'));
    await caught;
  });
});

describe('poll', () => {
  it('poll - asks until there is a value; at the deadline once more, and then no more', async () => {
    const clock = new FakeClock(0);
    const at: number[] = [];
    const never = poll(async () => void at.push(clock.now()), { everyMs: 400, deadlineMs: 1_000, clock });
    await clock.advance(5_000);
    expect(await never).toBeUndefined();
    expect(at).toEqual([0, 400, 800, 1_000]);
    expect(await poll(async () => 'at once', { everyMs: 400, deadlineMs: 0, clock })).toBe('at once');
  });
});
