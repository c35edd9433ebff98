import { type Problem, TranshipError } from '@tranship/contracts';

/** What the process ends with. */
export const exits = {
  done: 0,
  failed: 1,
  usage: 2,
  /** It cannot be started as it is; or it goes no further without a person. */
  notReady: 3,
  notFound: 4,
  denied: 5,
  unreachable: 6,
  timedOut: 7,
} as const;
export type Exit = (typeof exits)[keyof typeof exits];

interface Parts {
  exit: Exit;
  fix?: string | undefined;
  /** Of the catalogue; `tranship explain CODE` says more. */
  code?: string | undefined;
  traceId?: string | undefined;
}

/** A failure as the person at the terminal gets it: what happened, how to mend it, and the exit code. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exit: Exit;
  readonly fix: string | undefined;
  readonly code: string | undefined;
  readonly traceId: string | undefined;

  constructor(what: string, { exit, fix, code, traceId }: Parts) {
    super(what);
    this.exit = exit;
    this.fix = fix;
    this.code = code;
    this.traceId = traceId;
  }
}

export const usage = (what: string, fix?: string) => new CliError(what, { exit: exits.usage, fix });

/** The exit code of an error of the catalogue; an unknown code is judged by its HTTP status. */
export function exitOf(code: string, status?: number): Exit {
  if (code === 'plan.not-ready') return exits.notReady;
  if (code === 'service.unavailable' || code.endsWith('.unreachable') || status === 503 || status === 504)
    return exits.unreachable;
  if (code.endsWith('.not-found') || status === 404) return exits.notFound;
  if (code.startsWith('access.') || status === 401 || status === 403) return exits.denied;
  return exits.failed;
}

/** An answer of the gateway that tells of an error (RFC 9457 with our members). */
export function fromProblem(problem: Partial<Problem> & { traceId?: string }, status: number): CliError {
  const { code = '', detail, title, fix, traceId } = problem;
  const what = detail ?? title ?? `the gateway answered ${status}`;
  return new CliError(what, { exit: exitOf(code, status), fix, code: code || undefined, traceId });
}

export function toCliError(error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof TranshipError)
    return new CliError(error.detail, { exit: exitOf(error.code), fix: error.fix, code: error.code });
  return new CliError(error instanceof Error ? error.message : String(error), { exit: exits.failed });
}

/** Lines for standard error. */
export function errorLines({ message, fix, code, traceId }: CliError): string[] {
  const mark = code === undefined ? [] : [`  code: ${code}${traceId === undefined ? '' : ` (trace ${traceId})`}`];
  return [`error: ${message}`, ...(fix === undefined ? [] : [`  fix:  ${fix}`]), ...mark];
}
