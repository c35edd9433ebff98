import { z } from 'zod';
import { problemSchema } from './problem.ts';

/** A NIC as the guest agent told of it; `missing`: addresses that the guest's files give it, and that it does not have. */
const rehearsedNicSchema = z.object({
  mac: z.string(),
  name: z.string(),
  addresses: z.array(z.string()),
  missing: z.array(z.string()),
});

/** What was seen of a guest that was booted in isolation. */
export const bootSchema = z.object({
  /** How its processor was played: by KVM, or emulated, some ten times slower. */
  accelerator: z.enum(['kvm', 'tcg']),
  memoryMB: z.number(),
  /** From QEMU's start until the guest was up by its own marks. */
  seconds: z.number(),
  /** By what it was judged to be up; `nothing`: it was not. */
  mark: z.enum(['agent', 'login', 'nothing']),
  os: z.string(),
  nics: z.array(rehearsedNicSchema),
  /** Units of systemd that failed; null: the guest does not let its agent ask. */
  failedUnits: z.array(z.string()).nullable(),
  /** What was changed in the copy before. */
  conversion: z.object({ engine: z.string(), files: z.number(), seconds: z.number() }),
  /** Objects of the store: the serial console as text, its end where it is long; the screen as PNG. */
  console: z.string(),
  screen: z.string().optional(),
});
export type Boot = z.infer<typeof bootSchema>;

/** How a rehearsal went. */
export const rehearsalSchema = z.object({
  /** The pass whose copy it was of. */
  pass: z.number().int(),
  passed: z.boolean(),
  /** Why it did not pass. */
  error: problemSchema.optional(),
  /** Absent where the guest was not even started. */
  boot: bootSchema.optional(),
});
export type Rehearsal = z.infer<typeof rehearsalSchema>;
