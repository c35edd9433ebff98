import type { Binding, Head } from '@tranship/blocks';
import type { Objects, Owner } from '@tranship/bus';
import { TranshipError } from '@tranship/contracts';
import { z } from 'zod';
import type { Ledgers } from '../ports.ts';

/** The sums of so much of a disk lie in one object; pages that hold zeros alone in none. */
const mostPages = 4 * 1024 * 1024;
/** More than this is not kept: 8 TiB of data by CRC-32, 1 TiB by SHA-256. */
const mostBytes = 512 * 1024 ** 2;

const partSchema = z.record(z.string(), z.unknown());
const listSchema = z.object({ binding: partSchema, head: partSchema, pages: z.array(z.string().nullable()) });

/** Ledgers in the object store: one object a page of sums, and one that lists them. What did not change is not put again. */
export function ledgers(objects: Pick<Objects, 'put' | 'get' | 'prune'>, owner: Owner): Ledgers {
  const list = async (name: string) => listSchema.parse(JSON.parse(Buffer.from(await objects.get(name)).toString()));
  return {
    put: async (ledger) => {
      const pages: (string | null)[] = [];
      let bytes = 0;
      for await (const page of ledger.pages()) {
        bytes += page?.length ?? 0;
        if (bytes > mostBytes || pages.length >= mostPages) return undefined;
        pages.push(page ? await objects.put(page, owner) : null);
      }
      return objects.put(JSON.stringify({ binding: ledger.binding, head: ledger.head, pages }), owner);
    },
    get: async (name) => {
      const kept = await list(name).catch(none);
      if (!kept) return undefined;
      async function* pages() {
        for (const page of kept!.pages) yield page === null ? undefined : Buffer.from(await objects.get(page));
      }
      return { binding: kept.binding as unknown as Binding, head: kept.head as unknown as Head, pages: pages() };
    },
    prune: async (names) => {
      const lists = await Promise.all(names.map((name) => list(name).catch(none)));
      const needed = lists.flatMap((each) => each?.pages.filter((page) => page !== null) ?? []);
      await objects.prune(owner, new Set([...names, ...needed]));
    },
  };
}

function none(error: unknown): undefined {
  if (error instanceof TranshipError && error.code === 'document.not-found') return undefined;
  throw error;
}
