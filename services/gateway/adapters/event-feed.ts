import type { StoredEvent } from '@tranship/bus';
import { type Progress, root, subjects } from '@tranship/contracts';
import { subjectMatches } from '../domain/subject-filter.ts';
import type { EventLog, OnProgress } from '../ports.ts';

export interface FeedOptions {
  /** Whole subjects with wildcards; an event passes when any matches. */
  readonly filters: readonly string[];
  readonly fromSeq: number;
  /** Progress of one migration, of all (`*`), or none. */
  readonly progress: string | undefined;
  readonly signal: AbortSignal;
  onEvent(event: StoredEvent): void | Promise<void>;
  onProgress(value: Progress): void;
  /** The past is told. */
  onCaughtUp(): void;
}

/** Hands on events, in the log's order, until the signal aborts. */
export async function feed(events: EventLog, onProgress: OnProgress, options: FeedOptions): Promise<void> {
  const { filters, fromSeq, progress, signal } = options;
  if (progress !== undefined) {
    onProgress(
      subjects.allProgress,
      (value) => {
        if (progress === '*' || value.migration === progress) options.onProgress(value);
      },
      signal,
    );
  }
  // One ordered reading, so that one number is enough to resume: several filters are applied here.
  const [only] = filters;
  const wanted = filters.length === 1 && only !== undefined ? only : `${root}.evt.>`;
  await events.follow(
    wanted,
    fromSeq,
    async (event) => {
      if (filters.some((filter) => subjectMatches(filter, event.subject))) await options.onEvent(event);
    },
    signal,
    options.onCaughtUp,
  );
}
