import { setTimeout as sleep } from 'node:timers/promises';
import { type MigrationStatus, progressSchema } from '@tranship/contracts';
import type { Api } from '../api.ts';
import { type CliError, exits } from '../errors.ts';
import { followEvents } from '../follow.ts';
import type { Terminal } from '../terminal.ts';
import { decisionNeeded, undecided } from './decision.ts';
import { type WatchModel, watchModel, withMigration, withProgress } from './model.ts';
import { movedLines, Tenths } from './plain.ts';
import { Screen } from './screen.ts';
import { summary, watchLines } from './view.ts';

/** After an event the migration is read at once, a little later again (its reader may be behind the log), and now and then anyway. */
const readMs = { soon: 150, again: 1_000, idle: 10_000 };
const drawMs = 250;
/** So long nothing moves and a person is asked for: a plan may answer in their stead, as `onUnhealthy: rollback` does. */
const standsMs = 5_000;
/** How long the gateway may be away before we give up. */
const patienceMs = 120_000;

/**
 * Shows a migration until it is over, and gives how it ended. `patient`: goes on where a person must decide, as for somebody
 * who looks at it and may. @throws CliError
 */
export async function watchMigration(
  api: Api,
  id: string,
  terminal: Terminal,
  patient = terminal.screen !== undefined,
): Promise<MigrationStatus> {
  const draw = terminal.screen ? onScreen(terminal.screen, terminal) : asLines(terminal);
  const end = await untilOver(api, id, draw, patient);
  terminal.note(summary(end));
  return end;
}

/**
 * Hands the model on, a few times a second, until the migration is over; or, unless `patient`, goes no further without a
 * person. @throws CliError
 */
export async function untilOver(
  api: Api,
  id: string,
  show: (model: WatchModel) => void = () => {},
  patient = false,
): Promise<MigrationStatus> {
  let model = watchModel(await api.migration(id));
  show(model);
  const reader = new Reader(api, id);
  const over = new AbortController();
  let failure: unknown;
  const listening = listen(api, id, over.signal, (event, data) => {
    if (event === 'progress') model = withProgress(model, progressSchema.parse(JSON.parse(data)));
    else reader.hint();
  }).catch((error: unknown) => {
    failure = error;
  });
  try {
    for (let stands = standing(model.migration); model.migration.state === 'running'; ) {
      await sleep(drawMs);
      if (failure) throw failure;
      const read = await reader.read();
      if (read) model = withMigration(model, read);
      show(model);
      if (!read) continue;
      stands = standing(read, stands);
      if (!patient && Date.now() - stands >= standsMs) throw decisionNeeded(read);
    }
    return model.migration;
  } finally {
    over.abort();
    await listening;
  }
}

/** Since when it goes no further without a person; never: it does. */
const standing = (migration: MigrationStatus, since = Number.POSITIVE_INFINITY) =>
  undecided(migration).length > 0 ? Math.min(since, Date.now()) : Number.POSITIVE_INFINITY;

async function listen(
  api: Api,
  migration: string,
  signal: AbortSignal,
  take: (event: string, data: string) => void,
): Promise<void> {
  const query = { migration, progress: '1' };
  for await (const { event, data } of followEvents(api, { query, signal })) take(event, data);
}

/** Reads the migration when there is reason to. */
class Reader {
  readonly #api: Api;
  readonly #id: string;
  #next = Date.now() + readMs.idle;
  #hinted = false;
  #heard = Date.now();

  constructor(api: Api, id: string) {
    this.#api = api;
    this.#id = id;
  }

  /** Something happened. */
  hint(): void {
    this.#hinted = true;
    this.#next = Math.min(this.#next, Date.now() + readMs.soon);
  }

  /** The migration, or undefined when it is not time, or the gateway is away for a while. */
  async read(): Promise<MigrationStatus | undefined> {
    if (Date.now() < this.#next) return undefined;
    this.#next = Date.now() + (this.#hinted ? readMs.again : readMs.idle);
    this.#hinted = false;
    try {
      const migration = await this.#api.migration(this.#id);
      this.#heard = Date.now();
      return migration;
    } catch (error) {
      if ((error as CliError).exit !== exits.unreachable || Date.now() - this.#heard > patienceMs) throw error;
      this.hint();
      return undefined;
    }
  }
}

type Draw = (model: WatchModel) => void;

function onScreen({ columns, rows, write }: NonNullable<Terminal['screen']>, { style }: Terminal): Draw {
  const screen = new Screen(write);
  return (model) => screen.draw(watchLines(model, { now: Date.now(), columns: columns(), rows: rows(), style }));
}

function asLines(terminal: Terminal): Draw {
  const tenths = new Tenths();
  let before: MigrationStatus | undefined;
  return (model) => {
    const now = Date.now();
    for (const line of [...movedLines(before, model.migration, now), ...tenths.lines(model, now)]) terminal.out(line);
    before = model.migration;
  };
}
