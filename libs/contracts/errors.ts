import { catalogue } from './errors/catalogue.ts';
import type { Entry } from './errors/entry.ts';

export type ErrorCode = keyof typeof catalogue;
export const errorCatalogue: Readonly<Record<ErrorCode, Entry>> = catalogue;

/** The wire form of an error: what happened, in `detail`, never holds a secret. */
export interface Problem {
  readonly code: ErrorCode;
  readonly title: string;
  readonly detail: string;
  readonly fix: string;
  readonly retry: boolean;
  readonly path?: string | undefined;
}

/** Every failure that a person may see. `detail` says what happened in this case; title and fix come from the catalogue. */
export class TranshipError extends Error {
  override readonly name = 'TranshipError';
  readonly code: ErrorCode;
  readonly detail: string;
  readonly path: string | undefined;
  readonly #retry: boolean | undefined;

  constructor(code: ErrorCode, detail: string, options: { cause?: unknown; path?: string; retry?: boolean } = {}) {
    super(`${code}: ${detail}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.detail = detail;
    this.path = options.path;
    this.#retry = options.retry;
  }

  get fix(): string {
    return errorCatalogue[this.code].fix;
  }

  get retry(): boolean {
    return this.#retry ?? errorCatalogue[this.code].retry;
  }

  toProblem(): Problem {
    const { title, fix } = errorCatalogue[this.code];
    return { code: this.code, title, detail: this.detail, fix, retry: this.retry, path: this.path };
  }

  static fromProblem(problem: Problem): TranshipError {
    return new TranshipError(problem.code, problem.detail, {
      retry: problem.retry,
      ...(problem.path === undefined ? {} : { path: problem.path }),
    });
  }

  /** Any thrown value as a TranshipError; what is not ours becomes `service.internal`. */
  static from(error: unknown): TranshipError {
    if (error instanceof TranshipError) return error;
    return new TranshipError('service.internal', error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
}
