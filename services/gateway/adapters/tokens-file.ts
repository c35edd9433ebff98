import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { TranshipError } from '@tranship/contracts';
import type { Clock, Logger } from '@tranship/service-kit';
import { parse } from 'yaml';
import { z } from 'zod';
import { type Caller, roles } from '../domain/access.ts';
import type { Tokens } from '../ports.ts';

const fileSchema = z.record(
  z.string().regex(/^[0-9a-f]{64}$/),
  z.strictObject({ name: z.string().min(1), role: z.enum(roles) }),
);

/** How often the file is looked at for a change. */
const lookMs = 2_000;

/** Tokens from a file that holds only their digests. @throws TranshipError when it cannot be read at the start */
export async function tokensFile(path: string, clock: Clock, log: Logger): Promise<Tokens> {
  let known = await read(path);
  let changed = await mark(path);
  let looked = clock.now();

  async function refresh(): Promise<void> {
    if (clock.now() - looked < lookMs) return;
    looked = clock.now();
    try {
      const now = await mark(path);
      if (now === changed) return;
      known = await read(path);
      changed = now;
      log.info({ file: path }, 'tokens read again');
    } catch (error) {
      log.error({ file: path, detail: TranshipError.from(error).detail }, 'tokens file is unusable; the old one holds');
    }
  }

  return {
    find: async (token) => {
      await refresh();
      return known.get(createHash('sha256').update(token).digest('hex'));
    },
  };
}

async function mark(path: string): Promise<string> {
  const { mtimeMs, size, ino } = await stat(path);
  return `${mtimeMs}/${size}/${ino}`;
}

async function read(path: string): Promise<Map<string, Caller>> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new TranshipError('document.invalid', `tokens file ${path}: ${cause.code ?? cause.message}`, { cause });
  });
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    // The parser's message would quote the file.
    throw new TranshipError('document.invalid', `tokens file ${path}: neither YAML nor JSON`);
  }
  const result = fileSchema.safeParse(value ?? {});
  if (result.success) return new Map(Object.entries(result.data));
  // The keys are told nothing of: one may be a token in the clear.
  const wanted = `a map of hex SHA-256 of a token to {name, role: ${roles.join(' | ')}}`;
  throw new TranshipError('document.invalid', `tokens file ${path}: is not ${wanted}`);
}
