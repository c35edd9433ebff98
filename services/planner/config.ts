import { z } from 'zod';

export const configSchema = z.object({
  releaseAfterSeconds: z.coerce
    .number()
    .int()
    .positive()
    .default(600)
    .describe('A workbench that has nothing to do for longer than this, in seconds, is released; its volumes stay'),
});
export type Config = z.infer<typeof configSchema>;
