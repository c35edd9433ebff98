import { BusConflict } from '@tranship/bus';

/** What somebody else has said first need not be said again, or is looked at again by who comes next. */
export async function unlessOvertaken(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!(error instanceof BusConflict)) throw error;
  });
}
