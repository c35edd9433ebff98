import { availableParallelism } from 'node:os';
import { Estimate, pace } from './estimate.ts';

const running = new Set<Step>();
let timer: NodeJS.Timeout | undefined;
let turn = 0;

/** On a terminal one line, rewritten in place, on which those that run take turns; else a line of each, now and then. */
function show(): void {
  reckon();
  const steps = [...running];
  if (terminal) process.stderr.write(`\r\u001b[K${steps[turn++ % steps.length]!.line}`);
  else for (const each of steps) process.stderr.write(`${each.line}\n`);
}

const terminal = process.stderr.isTTY === true;
const clear = terminal ? '\r\u001b[K' : '';

const paceNow = () => pace(running.size, availableParallelism());

/** Before one begins or ends, for then the pace of all changes; and before they are shown. */
function reckon(): void {
  for (const each of running) each.estimate.went(Date.now(), paceNow());
}

/** Tells a person what is being made and how long it takes. */
export class Step {
  readonly estimate: Estimate;
  readonly #title: string;
  readonly #began = Date.now();
  #detail = '';

  /** `expectedSeconds`: on two cores with nothing cached, and nothing beside it. */
  constructor(title: string, expectedSeconds: number) {
    this.#title = title;
    this.estimate = new Estimate(expectedSeconds, this.#began);
    reckon();
    running.add(this);
    process.stderr.write(`${clear}▸ ${title} (about ${human(expectedSeconds / paceNow())})\n`);
    timer ??= setInterval(show, terminal ? 1_000 : 20_000).unref();
  }

  detail(text: string): void {
    this.#detail = text.trim().slice(0, 60);
  }

  get line(): string {
    const left = this.estimate.left(paceNow());
    const much = left === undefined ? 'longer than usual' : `about ${human(left)} left`;
    const what = running.size > 1 ? `${this.#title.split(':')[0]}: ` : '';
    return `  ${what}${human(this.#seconds)}, ${much}${this.#detail ? `: ${this.#detail}` : ''}`;
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
    reckon();
    running.delete(this);
    process.stderr.write(`${clear}${line}\n`);
    if (running.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }
}

/** A line of its own. */
export const tell = (text: string): void => void process.stderr.write(`${clear}▸ ${text}\n`);

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
