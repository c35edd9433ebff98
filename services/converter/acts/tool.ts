import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type GuestAnswer, TranshipError } from '@tranship/contracts';
import { z } from 'zod';
import { hasKeys } from '../adapters/luks-keys.ts';
import { convertFiles, inspectFiles, type Request } from './offline.ts';

/** The converter by itself, without services: `inspect DISK|DIR` and `convert DISK…`; one line of JSON is its answer. */
const nicsSchema = z.array(
  z.strictObject({
    mac: z.string().regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i, 'six bytes in hex, 00:50:56:…'),
    addresses: z.array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()])).default([]),
    slot: z.number().int().nonnegative().optional(),
  }),
);
const mediaDir = '/usr/share/tranship/media';

async function answer(argv: readonly string[]): Promise<GuestAnswer> {
  const { positionals, values } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      nics: { type: 'string' },
      overlay: { type: 'string' },
      'luks-keys': { type: 'string' },
      media: { type: 'string', default: mediaDir },
      'dry-run': { type: 'boolean', default: false },
    },
  });
  const [verb, ...files] = positionals;
  const luksKeysDir = values['luks-keys'];
  if (luksKeysDir !== undefined && !hasKeys(luksKeysDir))
    throw new TranshipError('guest.luks-key', `there is no key in ${luksKeysDir}`);
  const scratch = mkdtempSync(join(tmpdir(), 'tranship-guest-'));
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  try {
    const request: Request = {
      files,
      nics: values.nics === undefined ? [] : nicsOf(values.nics),
      mediaDir: values.media,
      mountEngine: process.env.TRANSHIP_MOUNT_ENGINE === 'true',
      applianceEngine: process.env.TRANSHIP_APPLIANCE_ENGINE !== 'false',
      luksKeysDir,
      scratch,
      signal: stop.signal,
      ...(values.overlay === undefined ? {} : { overlay: values.overlay }),
    };
    return verb === 'convert' && !values['dry-run'] ? await convertFiles(request) : await inspectFiles(request);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function nicsOf(file: string) {
  try {
    return nicsSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new TranshipError('document.invalid', `${file}: ${why}`);
  }
}

const answered = await answer(process.argv.slice(2)).catch(
  (error: unknown): GuestAnswer => ({ problem: TranshipError.from(error).toProblem() }),
);
process.stdout.write(`${JSON.stringify(answered)}\n`);
