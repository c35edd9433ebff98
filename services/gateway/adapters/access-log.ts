import { BusConflict, type NewEvent } from '@tranship/bus';
import { subjects, TranshipError } from '@tranship/contracts';
import { Denials, windowMs } from '../domain/denials.ts';
import type { Access, AccessLog, World } from '../ports.ts';

/** Writers of one subject at once that we bear with. */
const races = 20;

/** Allowed and denied writes, as events: one subject a person and day, so that none grows for ever. */
export function accessLog({ events, clock }: Pick<World, 'events' | 'clock'>): AccessLog {
  /** Last known sequence of today's subjects. */
  let known = new Map<string, number>();
  let today = '';

  const denials = new Denials();

  const record = async ({ who, verb, path, why }: Access, traceparent?: string) => {
    const time = new Date(clock.now());
    const day = time.toISOString().slice(0, 10);
    if (day !== today) known = new Map();
    today = day;
    const subject = subjects.event('access', who, day);
    const event: NewEvent =
      why === undefined
        ? { type: 'access.allowed', data: { who, verb, path } }
        : { type: 'access.denied', data: { who, verb, path, why } };
    for (let i = 0; i < races; i++) {
      const expected = known.get(subject) ?? (await events.readSubject(subject)).seq;
      try {
        const seq = await events.append(subject, [event], expected, {
          source: 'tranship/gateway',
          time,
          traceparent,
        });
        known.set(subject, Math.max(seq, known.get(subject) ?? 0));
        return;
      } catch (error) {
        if (!(error instanceof BusConflict)) throw error;
        if (known.get(subject) === expected) known.delete(subject);
      }
    }
    throw new TranshipError('service.unavailable', `too many writes by ${who} at once to be recorded`);
  };
  return {
    record,
    refuse: async (access, address, traceparent) => {
      if (denials.note(address, clock.now())) await record(access, traceparent);
    },
    settle: async (signal) => {
      while (!signal.aborted) {
        await clock.sleep(windowMs, signal);
        for (const { address, count } of denials.settle(clock.now()))
          await record({ who: 'anonymous', verb: '*', path: '*', why: `${count} more requests from ${address}` });
      }
    },
  };
}
