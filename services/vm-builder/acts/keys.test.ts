import type { KubeObject } from '@tranship/kube';
import { createLogger, type StepContext, systemClock } from '@tranship/service-kit';
import { expect, test } from 'vitest';
import { configSchema } from '../config.ts';
import { factQueries } from '../handlers/facts.ts';
import { prepare } from '../handlers/prepare.ts';
import type { Target } from '../ports.ts';
import { connection, targetVm } from '../testing/fixtures.ts';

interface Held {
  labels?: Record<string, string>;
  data?: Record<string, string>;
  type?: string;
}
const held: Readonly<Record<string, Held>> = {
  'web-keys': { data: { root: 'c2VjcmV0' } },
  empty: {},
  'vc-login': { labels: { 'tranship.dev/credential': 'true' }, data: { password: 'c2VjcmV0' } },
  'tranship-signing-key': { labels: { 'app.kubernetes.io/managed-by': 'tranship' }, data: { key: 'c2VjcmV0' } },
  registry: { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': 'c2VjcmV0' } },
  'tranship-nats': { data: { transfer: 'c2VjcmV0' } },
};
const made: string[] = [];
const cluster = {
  get: async (kind: string, name: string, namespace: string) => {
    const { labels = {}, ...rest } = held[name] ?? {};
    const there = kind === 'Secret' && namespace === 'tranship-work' && held[name];
    return there ? { apiVersion: 'v1', kind, metadata: { name, namespace, labels }, ...rest } : undefined;
  },
  list: async () => [],
  apply: async ({ kind }: KubeObject) => {
    made.push(kind);
    throw new Error('enough is seen');
  },
};
const world = { cluster, config: configSchema.parse({}) } as unknown as Target;
const context: StepContext = {
  ids: { migration: 'm', vm: 'v', step: 's', attempt: 1 },
  ...{ signal: new AbortController().signal, log: createLogger('test', 'silent'), clock: systemClock, begun: false },
  ...{ progress: () => {}, moved: () => {} },
};
const preparing = (secret: string) =>
  prepare(
    world,
    {
      ...{ migration: 'shop-1', vm: 'vm-1', workbench: 'bench', connection, grade: 'standard' },
      ...{ rehearse: false, ran: false, target: targetVm({ luks: { secret } }) },
    },
    context,
  );
const whys: Record<string, string> = {
  none: 'there is no Secret tranship-work/none',
  empty: 'the Secret tranship-work/empty is empty',
  'vc-login': 'the Secret tranship-work/vc-login is Tranship’s own',
  'tranship-signing-key': 'the Secret tranship-work/tranship-signing-key is Tranship’s own',
  registry: 'the Secret tranship-work/registry is of type kubernetes.io/dockerconfigjson',
  'tranship-nats': 'the Secret tranship-work/tranship-nats is Tranship’s own',
};

test.each(Object.entries(whys))('keys - the Secret %s gives none: told before anything is made', async (name, why) => {
  made.length = 0;
  await expect(preparing(name)).rejects.toMatchObject({ code: 'guest.luks-key', detail: why });
  expect(made).toEqual([]);
});

test('keys - a Secret that holds some is mounted', async () => {
  await expect(preparing('web-keys')).rejects.toThrow('enough is seen');
  expect(made).toEqual(['PersistentVolumeClaim']);
});

test('keys - a plan’s secrets that hold none are told when it is validated, and nothing of what others hold', async () => {
  const secrets = ['web-keys', ...Object.keys(whys)];
  const facts = await factQueries(world).targetFacts({ namespace: 'apps', secrets });
  expect(facts.keyless).toEqual(Object.entries(whys).map(([secret, why]) => ({ secret, why })));
  expect(JSON.stringify(facts)).not.toContain('c2VjcmV0');
});
