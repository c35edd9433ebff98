import { z } from 'zod';
import { type ErrorCode, errorCatalogue, type Problem } from './errors.ts';

const codes = Object.keys(errorCatalogue) as [ErrorCode, ...ErrorCode[]];

/** zod form of {@link Problem}, for messages that carry one. */
export const problemSchema: z.ZodType<Problem> = z.object({
  code: z.enum(codes).describe('Of the catalogue of errors'),
  title: z.string(),
  detail: z.string(),
  fix: z.string(),
  retry: z.boolean(),
  path: z.string().optional(),
});
