import { type StepInput, type StepResult, TranshipError } from '@tranship/contracts';
import { signProof } from '../acts/sign.ts';
import { isMarked, marks } from '../domain/names.ts';
import { virtualMachine } from '../domain/virtual-machine.ts';
import type { Target } from '../ports.ts';

/** The VirtualMachine, halted, once its proof is signed. One that is there already must be ours. */
export async function create(target: Target, input: StepInput<'create'>): Promise<StepResult<'create'>> {
  const { cluster } = target;
  const { name, namespace } = input.target;
  const there = await cluster.get('VirtualMachine', name, namespace);
  if (there && !isMarked(there.metadata.labels, input))
    throw new TranshipError('target.exists', `VirtualMachine ${namespace}/${name} is not of this migration`);
  const proof = await signProof(target, input.proof);
  const made = there ?? (await cluster.apply(virtualMachine(input.target, marks(input))));
  return { name, uid: made.metadata.uid ?? '', proof };
}
