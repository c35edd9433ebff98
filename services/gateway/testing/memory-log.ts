import { BusConflict, type StoredEvent } from '@tranship/bus';
import { subjectMatches } from '../domain/subject-filter.ts';
import type { EventLog } from '../ports.ts';

/** An event log in memory with the rules of the real one: order, expected sequence, followers. */
export class MemoryLog implements EventLog {
  readonly stored: StoredEvent[] = [];
  #waiting = new Set<() => void>();

  async append(...[subject, events, expected, context]: Parameters<EventLog['append']>): Promise<number> {
    let last = expected;
    for (const { type, data } of events) {
      if (this.#last(subject) !== last) throw new BusConflict(`${subject} is past ${last}`);
      last = this.stored.length + 1;
      this.stored.push({ seq: last, subject, time: context.time.toISOString(), type, data });
    }
    for (const wake of this.#waiting) wake();
    return last;
  }

  async readSubject(subject: string): Promise<{ events: StoredEvent[]; seq: number }> {
    return { events: this.stored.filter((event) => event.subject === subject), seq: this.#last(subject) };
  }

  async follow(...[filter, fromSeq, handler, signal, caughtUp]: Parameters<EventLog['follow']>): Promise<void> {
    let told = false;
    for (let next = Math.max(fromSeq, 1) - 1; !signal.aborted; next++) {
      if (next >= this.stored.length && !told) {
        told = true;
        caughtUp?.();
      }
      while (next >= this.stored.length && !signal.aborted) await this.#more(signal);
      const event = this.stored[next];
      if (event && !signal.aborted && subjectMatches(filter, event.subject)) await handler(event);
    }
  }

  #last(subject: string): number {
    return this.stored.findLast((event) => event.subject === subject)?.seq ?? 0;
  }

  #more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
