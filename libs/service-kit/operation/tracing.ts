import {
  type Attributes,
  type Context,
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { isWaybillError } from '@waybill/kernel';

/** Nothing is recorded until `startTracing` has found where spans are to go. */
const tracer = trace.getTracer('waybill');

const isWanted = (environment: NodeJS.ProcessEnv): boolean =>
  environment['OTEL_SDK_DISABLED'] !== 'true' &&
  environment['OTEL_TRACES_EXPORTER'] !== 'none' &&
  ['OTEL_TRACES_EXPORTER', 'OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'].some(
    (name) => environment[name],
  );

/**
 * Exports traces as the standard variables say (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/);
 * off while none of them names a receiver. Metrics are served for Prometheus and logs go to standard output, so that only
 * traces are exported unless asked for. Answers what sends the last spans, at the end of the process.
 */
export const startTracing = async (serviceName: string): Promise<() => Promise<void>> => {
  if (!isWanted(process.env)) return async () => undefined;
  process.env['OTEL_SERVICE_NAME'] ??= serviceName;
  process.env['OTEL_METRICS_EXPORTER'] ??= 'none';
  process.env['OTEL_LOGS_EXPORTER'] ??= 'none';
  const { NodeSDK } = await import('@opentelemetry/sdk-node'); // 20 MB of memory, for those who use it
  const sdk = new NodeSDK();
  sdk.start();
  // A receiver that is away must not hold up the end of a process.
  return () => Promise.race([sdk.shutdown(), new Promise<void>((resolve) => setTimeout(resolve, 3_000).unref())]);
};

/** The context of a W3C `traceparent`; what is active where there is none. */
export const contextOf = (traceparent: string | undefined): Context =>
  traceparent === undefined ? context.active() : propagation.extract(ROOT_CONTEXT, { traceparent });

/** The `traceparent` of a span, for messages and events; undefined while tracing is off. */
const traceparentOf = (of: Context): string | undefined => {
  if (!isSpanContextValid(trace.getSpanContext(of) ?? INVALID)) return undefined;
  const carrier: { traceparent?: string } = {};
  propagation.inject(of, carrier);
  return carrier.traceparent;
};
const INVALID = { traceId: '', spanId: '', traceFlags: 0 };

export const activeTraceparent = (): string | undefined => traceparentOf(context.active());

export interface SpanOptions {
  readonly kind?: 'internal' | 'server' | 'client' | 'consumer';
  /** Whom it follows; the active span where it is left out. */
  readonly parent?: string | undefined;
  /** Names and kinds of things. Never what stands in them: attributes leave the deployment. */
  readonly attributes?: Attributes;
}

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
} as const;

/** A span that somebody else ends, with its context. */
export const beginSpan = (
  name: string,
  { kind = 'internal', parent, attributes = {} }: SpanOptions,
): { readonly span: Span; readonly context: Context; readonly traceparent: string | undefined } => {
  const outer = contextOf(parent);
  const span = tracer.startSpan(name, { kind: KINDS[kind], attributes }, outer);
  const inner = trace.setSpan(outer, span);
  return { span, context: inner, traceparent: traceparentOf(inner) };
};

/** Does the work within a span, which is active meanwhile. Of an error the span tells its kind; its text may name things. */
export const traced = async <T>(name: string, options: SpanOptions, work: () => Promise<T>): Promise<T> => {
  const { span, context: inner } = beginSpan(name, options);
  try {
    return await context.with(inner, work);
  } catch (error) {
    span.setAttribute('error.type', errorTypeOf(error));
    if (!isExpected(error)) span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
};

/** What an outcome is called in spans and metrics. */
export const errorTypeOf = (error: unknown): string =>
  isWaybillError(error) ? error.slug : error instanceof Error ? error.name : 'unknown';

/** A refusal is an answer. */
const isExpected = (error: unknown): boolean =>
  isWaybillError(error) && error.kind !== 'internal' && error.kind !== 'unavailable';
