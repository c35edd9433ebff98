import { setTimeout as sleep } from 'node:timers/promises';
import { subjects } from '@tranship/contracts';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { Bus } from '../index.ts';
import { NatsServer } from './nats-server.ts';

export let server: NatsServer;
export let bus: Bus;
let names = 0;
const stops: AbortController[] = [];
export const context = { source: 'test', time: new Date('2026-01-01T00:00:00Z') };
export const admitted = { type: 'vm.admitted', data: {} } as const;
export const cancelled = { type: 'vm.cancelled', data: {} } as const;

export const open = (name = 'test'): Promise<Bus> =>
  Bus.open({ url: server.url, user: server.user, passwordFile: server.passwordFile, name });
/** A name that no other test of the file has. */
export const freshName = (): string => `m${++names}`;
/** A subject that no other test writes to. */
export const fresh = (...more: string[]): string => subjects.event('vm', freshName(), ...more);
/** Ends with the test. */
export const stop = (): AbortController => {
  const control = new AbortController();
  stops.push(control);
  return control;
};
export async function until(what: string, ask: () => boolean, ms = 20_000): Promise<void> {
  const end = Date.now() + ms;
  while (!ask()) {
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await sleep(20);
  }
}

/** A server of the file's own, and a connection to it. */
export function withServer(): void {
  beforeAll(async () => {
    server = await NatsServer.start();
    bus = await open();
  });
  afterEach(() => {
    for (const control of stops.splice(0)) control.abort();
  });
  afterAll(async () => {
    await bus?.close();
    await server?.remove();
  });
}
