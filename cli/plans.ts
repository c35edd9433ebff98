import type { Document, NetworkMap, Plan, StorageMap } from '@tranship/contracts';
import { usage } from './errors.ts';
import { readDocuments } from './files.ts';
import type { Terminal } from './terminal.ts';

/** Which plans a command is about: one that is stored, or those of files. */
export type Chosen = { readonly name: string } | { readonly plan: Plan };

/** @throws CliError when neither or both are given, or the files hold no plan */
export async function choosePlans(
  verb: string,
  name: string | undefined,
  files: readonly string[] | undefined,
  terminal: Terminal,
): Promise<Chosen[]> {
  if (name !== undefined && files === undefined) return [{ name: name.replace(/^plans?\//, '') }];
  if (name !== undefined || files === undefined) throw usage(`give a plan or -f: tranship ${verb} PLAN | -f FILE`);
  const documents = await readDocuments(files, terminal);
  const plans = documents.filter((each) => each.kind === 'Plan');
  if (plans.length === 0) throw usage(`${files.join(', ')}: there is no plan in it`);
  return plans.map((plan) => ({ plan: withMaps(plan, documents) }));
}

/** Maps that come with the plan need not be stored yet: they are put into it. */
export function withMaps(plan: Plan, documents: readonly Document[]): Plan {
  const { networkMap, storageMap } = plan.spec;
  const entries = <K extends 'NetworkMap' | 'StorageMap'>(kind: K, map: unknown) => {
    const found = documents.find((each) => each.kind === kind && each.metadata.name === map);
    return found && { entries: (found as K extends 'NetworkMap' ? NetworkMap : StorageMap).spec.entries };
  };
  return {
    ...plan,
    spec: {
      ...plan.spec,
      networkMap: (entries('NetworkMap', networkMap) as typeof networkMap | undefined) ?? networkMap,
      storageMap: (entries('StorageMap', storageMap) as typeof storageMap | undefined) ?? storageMap,
    },
  };
}

/** Where a question about a plan is sent, and with what. */
export const address = (of: Chosen, verb: string): { parts: string[]; body?: Plan } =>
  'plan' in of ? { parts: [verb], body: of.plan } : { parts: ['plans', of.name, verb] };
