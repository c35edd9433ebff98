import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ExportedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly service: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string }[];
  readonly failed: boolean;
}

type Attribute = { key: string; value: { stringValue?: string; intValue?: number } };
const attributesOf = (list: readonly Attribute[]): Record<string, unknown> =>
  Object.fromEntries(list.map(({ key, value }) => [key, value.stringValue ?? value.intValue]));

/** A trace collector on loopback that takes OTLP/JSON and keeps it. */
export class Collector {
  readonly spans: ExportedSpan[] = [];
  readonly #server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    this.#take(JSON.parse(Buffer.concat(parts).toString()));
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });

  static async start(): Promise<Collector> {
    const collector = new Collector();
    collector.#server.listen(0, '127.0.0.1');
    await once(collector.#server, 'listening');
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  named(name: string): ExportedSpan[] {
    return this.spans.filter((span) => span.name === name);
  }

  /** The names from a span up to its root. */
  lineage(from: ExportedSpan | undefined): string[] {
    if (!from) return [];
    return [from.name, ...this.lineage(this.spans.find(({ spanId }) => spanId === from.parentSpanId))];
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #take({
    resourceSpans,
  }: {
    resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: Raw[] }[] }[];
  }) {
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = String(attributesOf(resource.attributes)['service.name']);
      for (const raw of scopeSpans.flatMap(({ spans }) => spans)) {
        const { attributes, status, links = [] } = raw;
        this.spans.push({ ...raw, service, links, failed: status.code === 2, attributes: attributesOf(attributes) });
      }
    }
  }
}

type Raw = Omit<ExportedSpan, 'service' | 'attributes' | 'failed'> & {
  attributes: Attribute[];
  status: { code: number };
};
