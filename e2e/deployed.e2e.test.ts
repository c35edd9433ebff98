import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kubectl, kubectlJson } from '../lab/host/kubectl.ts';
import { claimFile, digest, sourceFile } from '../lab/host/volumes.ts';
import { type Lab, runningLab } from '../lab/state.ts';
import { Story } from './story.ts';

const nodePort = 30808;
const manifests = fileURLToPath(new URL('../deploy/kubernetes', import.meta.url));
const overlay = fileURLToPath(new URL('deployed', import.meta.url));
const deployments = ['gateway', 'planner', 'inventory', 'vm-builder'];
let story: Story;

const inTranship = (kind: string, name: string, data: object) => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: 'tranship' },
  ...data,
});

/** What an administrator makes before: settings, NATS' passwords, tokens. */
function given({ nats }: Lab, token: string): object[] {
  const config = {
    TRANSHIP_NATS_URL: nats.url,
    TRANSHIP_WORKBENCH_IMAGE: 'lab.local/tranship:1',
    TRANSHIP_WORKBENCH_NATS_URL: nats.url,
  };
  const tokens = { [createHash('sha256').update(token).digest('hex')]: { name: 'admin', role: 'admin' } };
  const passwords = Object.fromEntries(
    deployments.map((name) => [name, readFileSync(`${nats.passwords}/${name}`, 'utf8')]),
  );
  return [
    inTranship('ConfigMap', 'tranship', { data: config }),
    inTranship('Secret', 'tranship-nats', { stringData: passwords }),
    inTranship('Secret', 'tranship-tokens', { stringData: { 'tokens.json': JSON.stringify(tokens) } }),
  ];
}

beforeAll(async () => {
  const lab = runningLab()!;
  const token = randomBytes(24).toString('base64url');
  await kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: given(lab, token) }));
  await kubectl(['apply', '-k', overlay]);
  await kubectl(['apply', '-n', 'apps', '-k', `${manifests}/target`]);
  for (const name of deployments)
    await kubectl(['rollout', 'status', `deployment/${name}`, '-n', 'tranship', '--timeout=50s']);
  story = await Story.at(lab, `http://${lab.address}:${nodePort}`, token);
});
afterAll(async () => {
  await kubectl(['delete', '-n', 'tranship', 'deployment,service', '--all', '--wait=true']);
});

test('deployed - two replicas of each service, from our image, with least rights, move a VM', async () => {
  await story.plan('deployed', [{ name: 'data-02', targetName: 'deployed-01' }], { defaults: { targetPower: 'on' } });
  const { state, vms } = await story.finished(await story.start('deployed'));
  expect(vms[0]?.error).toBeUndefined();
  expect(state).toBe('succeeded');
  expect((await kubectlJson(['get', 'vm', 'deployed-01', '-n', 'apps'])).status.printableStatus).toBe('Running');
  expect(await story.leftovers()).toEqual([]);
});

test('deployed - its bytes are the source’s, and a namespace that was not opened stays closed', async () => {
  const size = 0.25 * 1024 ** 3;
  await story.plan('again', [{ name: 'data-03', targetName: 'deployed-02' }]);
  expect((await story.finished(await story.start('again'))).state).toBe('succeeded');
  const moved = await digest(await claimFile('apps', 'deployed-02-disk-0'), size);
  expect(moved).toBe(await digest(sourceFile('fast-ds', 'data-03', 0), size));
  const may = (account: string, verb: string, what: string, namespace: string) =>
    kubectl(['auth', 'can-i', verb, what, '-n', namespace, `--as=system:serviceaccount:${account}`]).then(
      (answer) => answer.trim(),
      () => 'no',
    );
  const builder = 'tranship:tranship-vm-builder';
  expect(await may(builder, 'create', 'virtualmachines.kubevirt.io', 'apps')).toBe('yes');
  expect(await may(builder, 'create', 'virtualmachines.kubevirt.io', 'default')).toBe('no');
  expect(await may(builder, 'get', 'secrets', 'apps')).toBe('no');
  for (const account of ['tranship:tranship-gateway', 'tranship:tranship-planner', 'tranship-work:tranship-workbench'])
    expect(await may(account, 'list', 'persistentvolumeclaims', 'tranship-work')).toBe('no');
});
