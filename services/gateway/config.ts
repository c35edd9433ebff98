import { z } from 'zod';

export const configSchema = z.object({
  listenHost: z.string().default('127.0.0.1').describe('The address to listen at'),
  listenPort: z.coerce.number().int().min(0).max(65535).default(8080).describe('0: any free port, which the log tells'),
  tokensFile: z
    .string()
    .min(1)
    .describe('YAML or JSON: hex SHA-256 of a token -> {name, role}. Read again when it changes.'),
  tlsCertFile: z.string().optional().describe('PEM of its certificate; without this and the key it speaks plain HTTP'),
  tlsKeyFile: z.string().optional().describe('PEM of the key'),
});
export type GatewayConfig = z.infer<typeof configSchema>;
