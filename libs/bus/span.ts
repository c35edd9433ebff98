/** One piece of work as a trace shows it. */
export interface SpanOptions {
  readonly name: string;
  readonly kind: 'client' | 'server' | 'producer' | 'consumer';
  /** W3C traceparent of what asked for it; without one it belongs to what this process is just doing. */
  readonly parent?: string | undefined;
  readonly attributes?: Readonly<Record<string, string | number | string[]>>;
}

/** Runs work within a span. `traceparent` is what its message shall carry: the bus itself knows nothing of tracing. */
export type SpanRunner = <T>(
  options: SpanOptions,
  work: (span: { readonly traceparent: string | undefined }) => Promise<T>,
) => Promise<T>;

export const untraced: SpanRunner = ({ parent }, work) => work({ traceparent: parent });
