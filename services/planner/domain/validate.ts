import type { Concern, Connection, Plan, Room, SourceVm, Validation } from '@tranship/contracts';
import { concernsOf } from './concerns.ts';
import { type Maps, type PlanVm, targetName } from './resolve.ts';
import type { TargetFacts } from './rule.ts';

/** One VM of a plan with what was found for it in the source. */
export interface Candidate {
  readonly entry: PlanVm;
  readonly matches: readonly SourceVm[];
}

const say = (entry: PlanVm) => entry.path ?? entry.name ?? entry.id ?? '?';

function absent(entry: PlanVm): Concern {
  return {
    id: 'vm.not-found',
    category: 'critical',
    label: 'No such VM',
    why: `the source has no VM ${say(entry)}`,
    fix: 'Check it with `tranship inventory vms`',
    path: 'vms',
  };
}

function ambiguous(entry: PlanVm, matches: readonly SourceVm[]): Concern {
  const paths = matches.map((vm) => vm.path).join(', ');
  return {
    id: 'vm.ambiguous',
    category: 'critical',
    label: 'Several VMs of this name',
    why: `${say(entry)} may be any of ${paths}`,
    fix: 'Name it by path or id',
    path: 'vms',
  };
}

function duplicate(name: string): Concern {
  return {
    id: 'vm.name-duplicate',
    category: 'critical',
    label: 'Two VMs get the same target name',
    why: `"${name}" is taken by another VM of this plan`,
    fix: 'Set targetName for one of them',
    path: 'name',
  };
}

/** Every concern of every VM of a plan. Ready: none is critical. */
export function validate(
  plan: Plan,
  candidates: readonly Candidate[],
  maps: Maps,
  facts: TargetFacts | undefined,
  method: Connection['method'],
  rooms: readonly Room[] = [],
): Validation {
  const names = candidates.map(({ entry, matches: [vm] }) => vm && targetName(entry, vm));
  const vms = candidates.map(({ entry, matches }, i) => {
    const [vm] = matches;
    if (!vm) return { id: entry.id ?? '', name: say(entry), concerns: [absent(entry)] };
    if (matches.length > 1) return { id: '', name: say(entry), concerns: [ambiguous(entry, matches)] };
    const name = names[i];
    const twice = name !== undefined && names.indexOf(name) !== i ? [duplicate(name)] : [];
    const room = rooms.find((each) => each.vm === vm.id);
    return {
      id: vm.id,
      name: vm.name,
      concerns: [...concernsOf({ plan, entry, vm, maps, facts, room, method }), ...twice],
    };
  });
  return { plan: plan.metadata.name, ready: vms.every(isReady), vms };
}

export const isReady = (vm: { readonly concerns: readonly Concern[] }) =>
  vm.concerns.every((concern) => concern.category !== 'critical');
