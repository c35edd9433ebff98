import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { server } from '../cluster/control-plane.ts';
import { targetLabel } from '../cluster/objects.ts';
import { kubeconfig } from '../cluster/pki.ts';
import { type Lab, stateDir, writeWhole } from '../state.ts';
import { kubectl } from './kubectl.ts';

const deploy = fileURLToPath(new URL('../../deploy/kubernetes', import.meta.url));
const tokenLife = '24h';

/** Gives vm-builder, which alone talks to the cluster, the rights of deploy/kubernetes and no more: its kubeconfig file. */
export async function vmBuilderAccess(lab: Lab): Promise<string> {
  await kubectl(['apply', '-f', join(deploy, 'access.yaml')]);
  const targets = await kubectl(['get', 'namespace', '-l', targetLabel, '-o', 'jsonpath={.items[*].metadata.name}']);
  for (const name of targets.split(' ')) await kubectl(['apply', '-n', name, '-k', join(deploy, 'target')]);
  const token = await kubectl(['create', 'token', 'tranship-vm-builder', '-n', 'tranship', `--duration=${tokenLife}`]);
  const file = join(stateDir, 'tranship/vm-builder.kubeconfig');
  writeWhole(file, kubeconfig(join(stateDir, 'pki'), server(lab.address), { token: token.trim() }), 0o600);
  return file;
}
