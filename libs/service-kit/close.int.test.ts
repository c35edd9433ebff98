import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Bus } from '@tranship/bus';
import {
  commandId,
  envelope,
  inWorkbench,
  type NatsUser,
  natsAuthorization,
  stepExamples,
  subjects,
} from '@tranship/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NatsServer } from '../bus/testing/nats-server.ts';
import { baseConfig, type Running, type StepContext, startService } from './index.ts';

let server: NatsServer;
let planner: Bus;
let builder: Bus;
let names = 0;
const running: Running[] = [];
const vm = 'vm-1';

const login = (user: NatsUser) => {
  const passwordFile = join(server.dir, user);
  writeFileSync(passwordFile, `${user}-password`);
  return { url: server.url, user, passwordFile, name: user, makeStreams: !inWorkbench.includes(user) };
};

beforeAll(async () => {
  server = await NatsServer.start({ authorization: natsAuthorization((user) => `${user}-password`) });
  planner = await Bus.open(login('planner'));
  builder = await Bus.open(login('vm-builder'));
});
afterAll(async () => {
  await Promise.all(running.map((each) => each.stop()));
  await Promise.all([planner?.close(), builder?.close()]);
  await server?.remove();
});

/** A workbench's half with the rights that it has, whose copies are done by `copy`. */
async function workbench(copy: (context: StepContext) => Promise<unknown>, migration = `m${++names}`): Promise<string> {
  const { url: natsUrl, user: natsUser, passwordFile: natsPasswordFile } = login('transfer');
  const config = baseConfig.parse({ natsUrl, natsUser, natsPasswordFile, logLevel: 'silent' });
  const steps = { copy: (_: unknown, context: StepContext) => copy(context) as Promise<never> };
  running.push(
    await startService('transfer', config, async () => ({ scope: { migration, vm }, concurrency: 1, steps })),
  );
  return migration;
}

const send = (migration: string, attempt: number) => {
  const data = { ...stepExamples.copy.input, migration, vm };
  const id = commandId(migration, vm, 'copy', attempt);
  const message = envelope({ id, source: 'test', type: 'test', time: new Date(0), data });
  return planner.commands.send(subjects.command('transfer', 'copy', migration, vm), message);
};

test('close - a workbench says that it has closed once what it has in hand came to its end, and takes nothing more', async () => {
  const [begun, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let copies = 0;
  let open = false;
  const migration = await workbench(async ({ signal }) => {
    copies++;
    open = true;
    begun.resolve();
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    await ended.promise;
    open = false;
    throw signal.reason;
  });
  await send(migration, 1);
  await begun.promise;
  const asked = builder.workbenches.close('transfer', migration, vm).then((pod) => ({ pod, open }));
  ended.resolve();
  expect(await asked).toEqual({ pod: hostname(), open: false });
  await send(migration, 2);
  // That is taken by the next workbench of the VM, though the one that has closed still stands.
  const taken = Promise.withResolvers<number>();
  await workbench(async ({ ids }) => taken.resolve(ids.attempt), migration);
  expect(await taken.promise).toBe(2);
  expect(copies).toBe(1);
});

test('close - nobody says so where there is no workbench, or while it does not let go', async () => {
  const [begun, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const migration = await workbench(async () => {
    begun.resolve();
    await ended.promise;
  });
  await send(migration, 1);
  await begun.promise;
  expect(await builder.workbenches.close('transfer', migration, vm)).toBeUndefined();
  expect(await builder.workbenches.close('converter', migration, vm)).toBeUndefined();
  ended.resolve();
});

test('close - a workbench is told by vm-builder alone: another workbench cannot', async () => {
  let aborted = false;
  const [begun, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const migration = await workbench(async ({ signal }) => {
    signal.addEventListener('abort', () => {
      aborted = true;
    });
    begun.resolve();
    await ended.promise;
  });
  await send(migration, 1);
  await begun.promise;
  const other = await Bus.open(login('converter'));
  expect(await other.workbenches.close('transfer', migration, vm)).toBeUndefined();
  expect(aborted).toBe(false);
  ended.resolve();
  await other.close();
});
