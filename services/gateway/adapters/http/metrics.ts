/** Upper bounds in seconds. */
const bounds = [0.005, 0.02, 0.1, 0.5, 2, 10];

interface Series {
  readonly counts: number[];
  sum: number;
  total: number;
}

/** What /metrics tells, in the Prometheus text form. */
export class Metrics {
  readonly #requests = new Map<string, Series>();
  readonly #streams: () => number;

  constructor(streams: () => number) {
    this.#streams = streams;
  }

  observe(method: string, route: string, status: number, seconds: number): void {
    const labels = `method="${method}",route="${route}",status="${status}"`;
    const series = this.#requests.get(labels) ?? { counts: bounds.map(() => 0), sum: 0, total: 0 };
    this.#requests.set(labels, series);
    for (const [i, bound] of bounds.entries()) if (seconds <= bound) series.counts[i]! += 1;
    series.sum += seconds;
    series.total += 1;
  }

  text(): string {
    const name = 'tranship_gateway_request_seconds';
    const lines = [`# HELP ${name} Time to answer a request.`, `# TYPE ${name} histogram`];
    for (const [labels, { counts, sum, total }] of this.#requests) {
      for (const [i, bound] of bounds.entries()) lines.push(`${name}_bucket{${labels},le="${bound}"} ${counts[i]}`);
      lines.push(`${name}_bucket{${labels},le="+Inf"} ${total}`);
      lines.push(`${name}_sum{${labels}} ${sum.toFixed(6)}`, `${name}_count{${labels}} ${total}`);
    }
    lines.push(
      '# HELP tranship_gateway_streams Open event streams.',
      '# TYPE tranship_gateway_streams gauge',
      `tranship_gateway_streams ${this.#streams()}`,
      '# HELP process_resident_memory_bytes Resident memory.',
      '# TYPE process_resident_memory_bytes gauge',
      `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
    );
    return `${lines.join('\n')}\n`;
  }
}
