import type { Concern, ConcernId, Connection, Plan, Room, SourceVm } from '@tranship/contracts';
import type { Maps, PlanVm } from './resolve.ts';

/** What is known of the target when a plan is validated. */
export interface TargetFacts {
  readonly storageClasses: readonly string[];
  readonly namespaces: readonly string[];
  readonly networks: readonly string[];
  /** Names of the VirtualMachines in the plan's namespace. */
  readonly vms: readonly string[];
  /** Secrets that a plan names for keys, and that hold none. */
  readonly keyless: readonly { readonly secret: string; readonly why: string }[];
}

export interface Subject {
  readonly plan: Plan;
  readonly entry: PlanVm;
  readonly vm: SourceVm;
  readonly maps: Maps;
  readonly facts: TargetFacts | undefined;
  /** For its snapshots, where it is known. */
  readonly room?: Room | undefined;
  /** How the provider wants its disks read. */
  readonly method: Connection['method'];
}

export type Found = { readonly path: string; readonly why: string };
/** What the catalogue calls it, and when it comes up. */
export interface Rule {
  readonly id: ConcernId;
  /** Where it is graver, or less grave, than the catalogue says. */
  readonly category?: (subject: Subject) => Concern['category'];
  find(subject: Subject): Found[];
}

export const when = (condition: boolean, path: string, why: string): Found[] => (condition ? [{ path, why }] : []);
