import { z } from 'zod';

export const configSchema = z.object({
  listenHost: z.string().default('127.0.0.1'),
  /** 0: any free port, which the log tells. */
  listenPort: z.coerce.number().int().min(0).max(65535).default(8080),
  /** YAML or JSON: hex SHA-256 of a token -> {name, role}. Read again when it changes. */
  tokensFile: z.string().min(1),
  /** PEM files; both or none. Without them the door speaks plain HTTP. */
  tlsCertFile: z.string().optional(),
  tlsKeyFile: z.string().optional(),
});
export type GatewayConfig = z.infer<typeof configSchema>;
