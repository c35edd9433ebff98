import {
  type Concern,
  type Connection,
  concernOf,
  type Plan,
  type Room,
  type SourceVm,
  type Validation,
} from '@tranship/contracts';
import { concernsOf } from './concerns.ts';
import { type Maps, type PlanVm, targetName } from './resolve.ts';
import type { TargetFacts } from './rule.ts';

/** One VM of a plan with what was found for it in the source. */
export interface Candidate {
  readonly entry: PlanVm;
  readonly matches: readonly SourceVm[];
}

const say = (entry: PlanVm) => entry.path ?? entry.name ?? entry.id ?? '?';

const absent = (entry: PlanVm) => concernOf('vm.not-found', `the source has no VM ${say(entry)}`, 'vms');

function ambiguous(entry: PlanVm, matches: readonly SourceVm[]): Concern {
  const paths = matches.map((vm) => vm.path).join(', ');
  return concernOf('vm.ambiguous', `${say(entry)} may be any of ${paths}`, 'vms');
}

const duplicate = (name: string) =>
  concernOf('vm.name-duplicate', `"${name}" is taken by another VM of this plan`, 'name');

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
