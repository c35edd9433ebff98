import { readFileSync } from 'node:fs';
import { TranshipError } from '@tranship/contracts';
import { z } from 'zod';

/** What every service is told. */
export const baseConfig = z.object({
  natsUrl: z.string().default('nats://127.0.0.1:4222').describe('`tls://…` where it is encrypted'),
  natsUser: z.string().optional().describe('Of deploy/nats/users.conf'),
  natsPasswordFile: z.string().optional().describe('A file with that user’s password'),
  natsCaFile: z
    .string()
    .optional()
    .describe("PEM of the authority of NATS' certificate; with it the connection must be encrypted"),
  natsReplicas: z.coerce
    .number()
    .int()
    .min(1)
    .max(5)
    .default(1)
    .describe('NATS servers that hold each stream: three where three run. What has more keeps it.'),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info').describe('Logs are JSON, a line each'),
  httpPort: z.coerce.number().int().min(0).max(65535).default(0).describe('Port of /healthz and /readyz; 0: none'),
});
export type BaseConfig = z.infer<typeof baseConfig>;

/** What the services of a workbench are told besides. */
export const workbenchConfig = z.object({
  migration: z.string().describe('Whose workbench it is'),
  vm: z.string().describe('The VM that it serves, by its vSphere id'),
  disksDir: z.string().default('/disks').describe('Holds `<index>/disk.img` for each Filesystem volume'),
  devicesDir: z.string().default('/dev/disks').describe('Holds `<index>` for each Block volume'),
  scratchDir: z.string().default('/scratch').describe('The scratch volume: ledgers, undo logs, results'),
});

/** `rehearsalMemoryMB` is TRANSHIP_REHEARSAL_MEMORY_MB. */
export const envName = (key: string) => `TRANSHIP_${key.replace(/[A-Z]+/g, '_$&').toUpperCase()}`;

/** Reads a service's settings: a JSON file (`--config F` or TRANSHIP_CONFIG), over it the environment. */
export function loadConfig<S extends z.ZodRawShape>(
  schema: z.ZodObject<S>,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): z.infer<z.ZodObject<S>> & BaseConfig {
  const whole = z.strictObject({ ...baseConfig.shape, ...schema.shape });
  const at = argv.indexOf('--config');
  const file = at >= 0 ? argv[at + 1] : env.TRANSHIP_CONFIG;
  const values: Record<string, unknown> = file ? JSON.parse(readFileSync(file, 'utf8')) : {};
  for (const key of Object.keys(whole.shape)) {
    const value = env[envName(key)];
    if (value !== undefined && value !== '') values[key] = value;
  }
  const result = whole.safeParse(values);
  if (result.success) return result.data as z.infer<z.ZodObject<S>> & BaseConfig;
  const issue = result.error.issues[0]!;
  const key = String(issue.path[0] ?? (issue.code === 'unrecognized_keys' ? issue.keys[0] : ''));
  throw new TranshipError('document.invalid', `setting ${key} (${envName(key)}): ${issue.message}`, { path: key });
}
