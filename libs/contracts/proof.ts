import { z } from 'zod';
import { signatureSchema } from './signature.ts';
import { passHowSchema } from './steps.ts';
import { gradeSchema } from './target.ts';

/** Every disk is proven leaf by leaf. */
export const leafBytes = 64 * 1024;
/** Of a disk's leaves that are called unchanged, a sample reads so many at least. */
export const leastAuditLeaves = 500;

/** What Tranship states of one VM: that its target disks equalled, byte for byte, what was read from the source. */
export const proofSchema = z.object({
  version: z.literal(1),
  migration: z.string(),
  plan: z.string(),
  source: z.object({ provider: z.string(), id: z.string(), name: z.string() }),
  target: z.object({ namespace: z.string(), name: z.string() }),
  /** When the last of it was read back; nothing of the target had run. */
  at: z.iso.datetime(),
  /** Which sums the leaves have; `full`: the source was read twice after its power-off. */
  grade: gradeSchema,
  disks: z.array(
    z.object({
      index: z.number().int(),
      /** As the source had it at the last pass. */
      file: z.string(),
      sizeBytes: z.number().int().nonnegative(),
      /** Root over the leaves of 64 KiB (see docs/reference/proof.md), hex. */
      copied: z.string(),
      /** The same after the conversion, where that changed the disk. */
      converted: z.string().optional(),
      /** Of the disk's leaves, the share that the last pass read although nothing called them changed, or read twice: 0 to 1. */
      auditedShare: z.number().min(0).max(1).optional(),
    }),
  ),
  /** What each pass read and wrote, and how much of it was read back. */
  passes: z.array(
    z.object({
      pass: z.number().int(),
      /** The moment whose bytes it copied, and the snapshot that held them; none: the VM was off. */
      at: z.string(),
      snapshot: z.string().nullable(),
      disks: z.array(
        z.object({
          index: z.number().int(),
          how: passHowSchema,
          changeId: z.string().nullable(),
          readBytes: z.number().int().nonnegative(),
          writtenBytes: z.number().int().nonnegative(),
          auditedLeaves: z.number().int().nonnegative(),
          liedLeaves: z.number().int().nonnegative(),
          provenLeaves: z.number().int().nonnegative(),
          root: z.string(),
        }),
      ),
    }),
  ),
});
export type Proof = z.infer<typeof proofSchema>;

export const signedProofSchema = signatureSchema.extend({ proof: proofSchema });
export type SignedProof = z.infer<typeof signedProofSchema>;
