import { many, number, text } from './vim.ts';

/** A start of a VM, as vCenter's events have it. */
export interface Start {
  /** Rises from event to event. */
  readonly key: number;
  readonly at: string;
  readonly by: string;
}

/** Types of vCenter's events that tell of a VM's start. */
export const starts = ['VmPoweredOnEvent', 'DrsVmPoweredOnEvent'] as const;

/** The newest of such events, in whatever order they come. */
export function newestStart(events: unknown): Start | undefined {
  const found = many(events).map((event) => ({
    key: number(event.key) ?? 0,
    at: text(event.createdTime) ?? 'a time unknown',
    by: text(event.userName) ?? 'somebody',
  }));
  return found.sort((a, b) => a.key - b.key).at(-1);
}
