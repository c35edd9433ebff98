import {
  type Attributes,
  context,
  isSpanContextValid,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { SpanOptions } from '@tranship/bus';
import { TranshipError } from '@tranship/contracts';

/** Until `startTracing`: nothing is made, nothing is loaded, and a traceparent is handed on as it came. */
let tracer: Tracer | undefined;
let stop = async () => {};

/** What the last spans may take at the drain; a collector that is away gets no more of our time. */
const flushMs = 2_000;
const pattern = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const kinds = {
  client: SpanKind.CLIENT,
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

/** Exports spans when OTEL_EXPORTER_OTLP_ENDPOINT says where to; the other OTEL_* variables are read by the SDK. */
export async function startTracing(service: string): Promise<void> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_SDK_DISABLED: disabled } = process.env;
  if (tracer || !endpoint || disabled === 'true') return;
  const [{ AsyncLocalStorageContextManager }, { OTLPTraceExporter }, resources, sdk] = await Promise.all([
    import('@opentelemetry/context-async-hooks'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/sdk-trace-base'),
  ]);
  const own = resources.defaultResource().merge(resources.resourceFromAttributes({ 'service.name': service }));
  const provider = new sdk.BasicTracerProvider({
    resource: own.merge(resources.detectResources({ detectors: [resources.envDetector] })),
    spanProcessors: [new sdk.BatchSpanProcessor(new OTLPTraceExporter())],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager());
  tracer = provider.getTracer('tranship');
  stop = async () => {
    tracer = undefined;
    context.disable();
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, flushMs);
    await Promise.race([provider.shutdown().catch(() => {}), late.promise]);
    clearTimeout(timer);
  };
}

/** Sends what is still held, as far as the collector lets us. */
export async function stopTracing(): Promise<void> {
  const ending = stop;
  stop = async () => {};
  await ending();
}

export interface OpenSpan {
  readonly traceparent: string | undefined;
  /** What is called in here belongs to the span. */
  run<T>(work: () => T): T;
  fail(error: unknown): void;
  end(attributes?: Attributes): void;
}

/**
 * Begins a span. A parent of another trace than the present one wins, and the present one is linked: what a person asks for
 * today moves a course on that another request started.
 */
export function openSpan({ name, kind, parent, attributes = {} }: SpanOptions): OpenSpan {
  if (!tracer) return noSpan(parent);
  const given = parse(parent);
  const present = trace.getSpanContext(context.active());
  const other = given !== undefined && given.traceId !== present?.traceId;
  const around = other ? trace.setSpanContext(context.active(), given) : context.active();
  const links = other && present ? [{ context: present }] : [];
  const span = tracer.startSpan(name, { kind: kinds[kind], attributes: attributes as Attributes, links }, around);
  return {
    traceparent: format(span.spanContext()),
    run: (work) => context.with(trace.setSpan(around, span), work),
    fail: (error) => {
      const { name: type, message } = error instanceof Error ? error : { name: 'unknown', message: String(error) };
      span.setAttribute('error.type', error instanceof TranshipError ? error.code : type);
      span.setStatus({ code: SpanStatusCode.ERROR, message });
    },
    end: (more = {}) => void span.setAttributes(more).end(),
  };
}

/** Hands a trace on without a span of its own. */
export const noSpan = (traceparent: string | undefined): OpenSpan => ({
  traceparent,
  run: (work) => work(),
  fail: () => {},
  end: () => {},
});

/** Runs work within a span; its throw is the span's failure. */
export async function span<T>(options: SpanOptions, work: (own: OpenSpan) => Promise<T>): Promise<T> {
  const own = openSpan(options);
  try {
    return await own.run(() => work(own));
  } catch (error) {
    own.fail(error);
    throw error;
  } finally {
    own.end();
  }
}

/** Of the span that this runs in. */
export function currentTraceparent(): string | undefined {
  const present = tracer && trace.getSpanContext(context.active());
  return present && format(present);
}

/** What a log line says of it. */
export function traceFields(): object {
  const present = tracer && trace.getSpanContext(context.active());
  return present ? { trace_id: present.traceId } : {};
}

function parse(traceparent: string | undefined): SpanContext | undefined {
  const [, traceId, spanId, flags] = pattern.exec(traceparent ?? '') ?? [];
  if (!traceId || !spanId || !flags) return undefined;
  const found = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return isSpanContextValid(found) ? found : undefined;
}

const format = ({ traceId, spanId, traceFlags }: SpanContext) =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
