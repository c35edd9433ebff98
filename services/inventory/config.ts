import { z } from 'zod';

export const configSchema = z.object({
  /** Holds `<secret>/username` and `<secret>/password`, as a Kubernetes secret is mounted. */
  credentialsDir: z.string().default('/etc/tranship/credentials'),
});
export type Config = z.infer<typeof configSchema>;
