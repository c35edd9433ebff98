import { z } from 'zod';

const nic = z.strictObject({ name: z.string(), mac: z.string(), addresses: z.array(z.string()) });

const vm = z.strictObject({
  name: z.string(),
  state: z.string(),
  /** Of its disks. */
  bytes: z.number().int(),
  seconds: z.number().int(),
  /** Null where nothing that ran was stopped. */
  downtimeSeconds: z.number().int().nullable(),
  /** Of the product, and of who looked from outside. */
  proof: z.enum(['proven', 'DIFFERS', 'none']),
  /** As the guest's agent tells them from its new place. */
  nics: z.array(nic),
});
export type MovedVm = z.infer<typeof vm>;

/** What `npm run demo -- --json` prints: a promise to scripts. */
export const demoResultSchema = z.strictObject({
  migration: z.string(),
  vms: z.array(vm),
  seconds: z.number().int(),
});
export type DemoResult = z.infer<typeof demoResultSchema>;

/** @throws ZodError where the demo does not keep the promise */
export const jsonLine = (result: DemoResult): string => JSON.stringify(demoResultSchema.parse(result));

/** `answered`: the guest that ran before answers from its new place, and has forgotten nothing. */
export const exitCode = (vms: readonly Pick<MovedVm, 'state' | 'proof'>[], answered: boolean): 0 | 1 =>
  answered && vms.length > 0 && vms.every(({ state, proof }) => state === 'succeeded' && proof === 'proven') ? 0 : 1;
