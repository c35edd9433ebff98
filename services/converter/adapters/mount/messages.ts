import type { Attributes, Entry, PlacedTarget } from '../../ports.ts';
import type { MountedFs } from './mounted-fs.ts';

/** What is asked over the line; buffers go as base64. */
export type Request =
  | { readonly do: 'list' | 'attributes'; readonly paths: readonly string[] }
  | { readonly do: 'dump'; readonly paths: readonly string[]; readonly maxBytes: number }
  | { readonly do: 'write'; readonly targets: readonly Sent[] };

type Sent = Omit<PlacedTarget, 'attributes'> & { readonly attributes: readonly [string, string][] };

export interface Answers {
  list: [string, Entry[]][];
  dump: { folder: string; files: [string, string][] };
  attributes: [string, [string, string][]][];
  write: null;
}

export const sent = (targets: readonly PlacedTarget[]): Sent[] =>
  targets.map((target) => ({ ...target, attributes: pairs(target.attributes) }));

const pairs = (attributes: Attributes) =>
  [...attributes].map(([name, value]): [string, string] => [name, value.toString('base64')]);

export const attributesOf = (found: readonly [string, string][]): Attributes =>
  new Map(found.map(([name, value]) => [name, Buffer.from(value, 'base64')]));

export async function answer(fs: MountedFs, request: Request): Promise<unknown> {
  try {
    return { answer: await work(fs, request) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

async function work(fs: MountedFs, request: Request): Promise<Answers[Request['do']]> {
  switch (request.do) {
    case 'list':
      return [...(await fs.list(request.paths))];
    case 'dump': {
      const { folder, files } = await fs.dump(request.paths, request.maxBytes);
      return { folder, files: [...files] };
    }
    case 'attributes':
      return [...(await fs.attributes(request.paths))].map(([path, found]) => [path, pairs(found)]);
    case 'write':
      await fs.write(request.targets.map((target) => ({ ...target, attributes: attributesOf(target.attributes) })));
      return null;
  }
}
