/** Tells a person what is being made and how long it takes, on one line a step (rewritten in place on a terminal). */
export class Step {
  readonly #title: string;
  readonly #expected: number;
  readonly #began = Date.now();
  readonly #timer: NodeJS.Timeout;
  readonly #terminal = process.stderr.isTTY === true;
  #detail = '';

  /** `expectedSeconds`: on two cores with nothing cached. */
  constructor(title: string, expectedSeconds: number) {
    this.#title = title;
    this.#expected = expectedSeconds;
    process.stderr.write(`▸ ${title} (about ${human(expectedSeconds)})\n`);
    this.#timer = setInterval(() => this.#show(), this.#terminal ? 1_000 : 20_000);
    this.#timer.unref();
  }

  detail(text: string): void {
    this.#detail = text.trim().slice(0, 70);
  }

  #show(): void {
    const spent = (Date.now() - this.#began) / 1000;
    const left = spent < this.#expected ? `, about ${human(this.#expected - spent)} left` : '';
    const line = `  ${human(spent)}${left}${this.#detail ? `: ${this.#detail}` : ''}`;
    process.stderr.write(this.#terminal ? `\r\u001b[K${line}` : `${line}\n`);
  }

  done(): void {
    clearInterval(this.#timer);
    process.stderr.write(
      `${this.#terminal ? '\r\u001b[K' : ''}✓ ${this.#title}: ${human((Date.now() - this.#began) / 1000)}\n`,
    );
  }

  fail(): void {
    clearInterval(this.#timer);
    process.stderr.write(`${this.#terminal ? '\r\u001b[K' : ''}✗ ${this.#title}\n`);
  }
}

/** Runs work as a step that is seen. */
export async function step<T>(title: string, expectedSeconds: number, work: (step: Step) => Promise<T>): Promise<T> {
  const shown = new Step(title, expectedSeconds);
  try {
    const result = await work(shown);
    shown.done();
    return result;
  } catch (error) {
    shown.fail();
    throw error;
  }
}

export const human = (seconds: number): string =>
  seconds < 90 ? `${Math.round(seconds)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
