import type { Check, Provider } from '@tranship/contracts';
import { expect, it } from 'vitest';
import { fixture } from '../testing/fixture.ts';

const provider = (name: string, state: string) =>
  ({ metadata: { name }, spec: { url: `https://${name}` }, status: { state } }) as unknown as Provider;
const facts = { storageClasses: ['fast'], namespaces: ['apps'], networks: [], vms: [], keyless: [] };
const failing = (json: unknown) => (json as { checks: Check[] }).checks.filter(({ ok }) => !ok);

it('doctor - all answer; a provider that is lost is told with a fix', async () => {
  const { send } = fixture({
    listPlans: () => ({ items: [] }),
    listProviders: () => ({ items: [provider('vc1', 'ready'), provider('vc2', 'lost')] }),
    targetFacts: () => facts,
  });
  const { status, json } = await send('GET', '/v1/doctor', { as: 'viewer' });
  expect(status).toBe(200);
  const names = (json as unknown as { checks: Check[] }).checks.map(({ name }) => name);
  expect(names).toEqual(['gateway', 'NATS', 'planner', 'inventory', 'target cluster', 'provider vc1', 'provider vc2']);
  expect(failing(json)).toEqual([
    {
      name: 'provider vc2',
      ok: false,
      detail: 'https://vc2 is lost',
      fix: 'See what fails: tranship provider test vc2',
    },
  ]);
});

it('doctor - services that are away, each by itself; a cluster without storage', async () => {
  const { send } = fixture({ targetFacts: () => ({ ...facts, storageClasses: [] }) });
  const { json } = await send('GET', '/v1/doctor');
  expect(failing(json).map(({ name, fix }) => [name, fix])).toEqual([
    ['planner', expect.stringContaining('Start planner')],
    ['inventory', expect.stringContaining('Start inventory')],
    ['target cluster', expect.stringContaining('storage class')],
  ]);
});
