const running = new Set<Step>();
let timer: NodeJS.Timeout | undefined;
let turn = 0;

/** On a terminal one line, rewritten in place, on which those that run take turns; else a line of each, now and then. */
function show(): void {
  const steps = [...running];
  if (terminal) process.stderr.write(`\r\u001b[K${steps[turn++ % steps.length]!.line}`);
  else for (const each of steps) process.stderr.write(`${each.line}\n`);
}

const terminal = process.stderr.isTTY === true;
const clear = terminal ? '\r\u001b[K' : '';

/** Tells a person what is being made and how long it takes. */
export class Step {
  readonly #title: string;
  readonly #expected: number;
  readonly #began = Date.now();
  #detail = '';

  /** `expectedSeconds`: on two cores with nothing cached. */
  constructor(title: string, expectedSeconds: number) {
    this.#title = title;
    this.#expected = expectedSeconds;
    process.stderr.write(`${clear}▸ ${title} (about ${human(expectedSeconds)})\n`);
    running.add(this);
    timer ??= setInterval(show, terminal ? 1_000 : 20_000).unref();
  }

  detail(text: string): void {
    this.#detail = text.trim().slice(0, 60);
  }

  get line(): string {
    const spent = this.#seconds;
    const left = spent < this.#expected ? `, about ${human(this.#expected - spent)} left` : '';
    const what = running.size > 1 ? `${this.#title.split(':')[0]}: ` : '';
    return `  ${what}${human(spent)}${left}${this.#detail ? `: ${this.#detail}` : ''}`;
  }

  done(): void {
    this.#end(`✓ ${this.#title}: ${human(this.#seconds)}`);
  }

  fail(): void {
    this.#end(`✗ ${this.#title}`);
  }

  get #seconds(): number {
    return (Date.now() - this.#began) / 1000;
  }

  #end(line: string): void {
    running.delete(this);
    process.stderr.write(`${clear}${line}\n`);
    if (running.size > 0) return;
    clearInterval(timer);
    timer = undefined;
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

export function human(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 90 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
