import type { Bus, StoredEvent } from '@tranship/bus';
import type { Envelope } from '@tranship/contracts';
import { FakeClock } from '@tranship/service-kit/testing';
import { expect, it } from 'vitest';
import { aggregates, commandIssuer, courseLog, foldCourse } from './log.ts';

const start = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const later = '00-1111111111111111111111111111111a-1111111111111111-01';
const stored = (seq: number, type: StoredEvent['type'], traceparent: string): StoredEvent =>
  ({ seq, subject: 's', time: '2026-01-01T00:00:00Z', type, data: {}, traceparent }) as unknown as StoredEvent;

it('trace - what the sweep issues and states hours later belongs to the start, not to what came between', async () => {
  const sent: (string | undefined)[] = [];
  const bus = {
    commands: {
      pending: async () => false,
      send: async (_: string, { traceparent }: Envelope) => sent.push(traceparent),
    },
    events: {
      append: async (...[, , , context]: Parameters<Bus['events']['append']>) => sent.push(context.traceparent),
    },
  } as unknown as Bus;
  const clock = new FakeClock();
  const course = foldCourse('m', 'vm-1', [stored(1, 'vm.queued', start), stored(2, 'vm.cancel-requested', later)]);
  await commandIssuer(bus, clock).issue(course, { kind: 'command', step: 'checkOff', input: {} as never });
  await courseLog(aggregates(bus, clock)).append(course, { type: 'vm.undo-began', data: {} });
  expect(sent).toEqual([start, start]);
});
