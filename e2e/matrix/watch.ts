import { type Progress, progressSchema, type VmEventType } from '@tranship/contracts';
import { z } from 'zod';
import { type Api, followEvents } from '../../cli/index.ts';

const eventSchema = z.object({ type: z.string(), data: z.any() });
/** An event of the course, or the first progress of a step since (`progress.STEP`), with its place in what was told. */
export type Told = z.infer<typeof eventSchema> & { readonly place: number };
type What = VmEventType | `progress.${Progress['step']}`;

/** A migration's events as they come, each within milliseconds: a hit must not be late. */
export class Watch {
  readonly #told: Told[] = [];
  readonly #over = new AbortController();
  readonly #following: Promise<void>;
  #lost: unknown;
  #wake: (() => void)[] = [];

  constructor(api: Api, migration: string) {
    this.#following = this.#follow(api, migration).catch((error: unknown) => {
      this.#lost = error;
      this.#tell();
    });
  }

  /** The first event of these types behind another. @throws Error where the migration ends without, or after so many seconds */
  async after(before: Told | undefined, types: What | readonly What[], seconds = 240): Promise<Told> {
    const wanted: readonly string[] = [types].flat();
    const end = Date.now() + seconds * 1000;
    const from = (before?.place ?? -1) + 1;
    for (;;) {
      const found = this.#told.slice(from).find(({ type }) => wanted.includes(type));
      if (found) return found;
      const last = this.#told.at(-1);
      if (this.#lost) throw this.#lost;
      if (last?.type === 'migration.finished') throw new Error(`it ended without ${wanted}: ${this.#story()}`);
      if (Date.now() >= end) throw new Error(`no ${wanted} within ${seconds} s: ${this.#story()}`);
      await this.#news(end - Date.now());
    }
  }

  /** The newest of a type by now, behind another. */
  last(before: Told, type: What): Told | undefined {
    return this.#told.slice(before.place + 1).findLast((each) => each.type === type);
  }

  async stop(): Promise<void> {
    this.#over.abort();
    await this.#following;
  }

  /** The end of what was told, failures with their reason. */
  #story(): string {
    return this.#told
      .slice(-6)
      .map(({ type, data }) => (data?.error?.detail ? `${type} (${data.error.code}: ${data.error.detail})` : type))
      .join(', ');
  }

  async #follow(api: Api, migration: string): Promise<void> {
    const query = { migration, progress: '1' };
    for await (const { event, data } of followEvents(api, { query, signal: this.#over.signal })) {
      if (event === 'caught-up') continue;
      const told = JSON.parse(data);
      if (event === 'progress') this.#push({ type: `progress.${progressSchema.parse(told).step}`, data: told });
      else this.#push(eventSchema.parse(told));
    }
  }

  #push(told: z.infer<typeof eventSchema>): void {
    const last = this.#told.at(-1);
    if (last?.type === told.type && told.type.startsWith('progress.')) return;
    this.#told.push({ ...told, place: this.#told.length });
    this.#tell();
  }

  #news(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #tell(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
