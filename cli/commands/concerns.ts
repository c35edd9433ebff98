import type { Validation } from '@tranship/contracts';
import { styleOf } from '../render/style.ts';
import { table } from '../render/table.ts';
import type { Terminal } from '../terminal.ts';

const weight = { critical: 0, warning: 1, information: 2 };

/** Each concern with what it means and how to mend it, the gravest first; and at the end whether the plan can start. */
export function concernLines({ plan, ready, vms }: Validation, style: Terminal['style'] = (_, text) => text): string[] {
  const all = vms
    .flatMap((vm) => vm.concerns.map((concern) => ({ vm, concern })))
    .sort((a, b) => weight[a.concern.category] - weight[b.concern.category]);
  const heads = table(
    [],
    all.map(({ vm, concern }) => [concern.category, vm.name || vm.id, concern.id, concern.label]),
  );
  const lines = all.flatMap(({ concern }, i) => {
    const name = styleOf(concern.category);
    const head = heads[i]!;
    return [name === undefined ? head : style(name, head), `  why: ${concern.why}`, `  fix: ${concern.fix}`];
  });
  const blocked = vms.filter(({ concerns }) => concerns.some(({ category }) => category === 'critical')).length;
  const end = ready
    ? style('good', `${plan} is ready: ${vms.length} VMs`)
    : style('bad', `${plan} is not ready: ${blocked} of ${vms.length} VMs have critical concerns`);
  return [...lines, end];
}
