import { expect, test } from 'vitest';
import { deadline } from './deadline.ts';
import { FakeClock } from './testing.ts';

const minute = 60_000;
const over = () => new AbortController();

test('deadline - a step is late once its time is over, whatever it does', async () => {
  const clock = new FakeClock();
  const late = deadline(clock, 'handOver', over().signal);
  await clock.advance(9 * minute);
  late.moved();
  expect(late.signal.aborted).toBe(false);
  await clock.advance(minute);
  expect(late.signal.reason).toMatchObject({ code: 'step.late', detail: 'handOver did not end within 10 min' });
  expect(late.signal.reason.retry).toBe(true);
});

test('deadline - a copy and a proof may take as long as bytes move: two days here; a quarter of an hour without one, and they are late', async () => {
  for (const step of ['copy', 'prove'] as const) {
    const clock = new FakeClock();
    const late = deadline(clock, step, over().signal);
    for (let hours = 0; hours < 48; hours += 0.2) {
      await clock.advance(12 * minute);
      late.moved();
    }
    await clock.advance(15 * minute - 1);
    expect(late.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(late.signal.reason).toMatchObject({ code: 'step.late', detail: `${step}: no byte moved for 15 min` });
  }
});

test('deadline - what is over is not late any more', async () => {
  const clock = new FakeClock();
  const ended = over();
  const late = deadline(clock, 'copy', ended.signal);
  ended.abort();
  await clock.advance(60 * minute);
  expect(late.signal.aborted).toBe(false);
});
