import { createHash } from 'node:crypto';
import { canonical, leafBytes, type Proof, type SignedProof, type StepResult } from '@tranship/contracts';
import type { Course } from './course.ts';
import { finished, type Pass } from './passes.ts';

/** What the course proves; `undefined` before the last pass is proven. */
export function proofOf(course: Course): Proof | undefined {
  const { migration, vm, plan, passes, entered, results } = course;
  const last = passes.at(-1);
  if (!plan || !results.prove || !last?.proven || last.snapshot !== undefined || !entered.CV) return undefined;
  const { target, connection, proof: grade = 'standard' } = plan;
  const converted = (results.convert as StepResult<'convert'> | undefined)?.roots ?? [];
  return {
    version: 1,
    ...{ migration, plan: plan.plan, at: entered.CV },
    source: { provider: connection.provider, id: vm, name: plan.name },
    target: { namespace: target.namespace, name: target.name },
    grade,
    disks: target.disks.map(({ index, key, file, sizeBytes }) => ({
      ...{ index, sizeBytes },
      file: last.point?.disks.find((disk) => disk.key === key)?.file ?? file,
      copied: last.proven!.find((disk) => disk.index === index)?.root ?? '',
      ...afterwards(converted.find((disk) => disk.index === index)?.root),
      auditedShare: auditedShare(
        sizeBytes,
        last.copied?.find((disk) => disk.index === index),
      ),
    })),
    passes: finished(passes).map((pass) =>
      described(pass, (index) => target.disks.find((d) => d.index === index)?.key),
    ),
  };
}

/** What stands for a proof where it is signed: SHA-256 of its text, hex. */
export const digestOf = (proof: Proof): string => createHash('sha256').update(canonical(proof)).digest('hex');

/** The proof as it was signed when its target was made; `undefined` before. */
export function signedProofOf(course: Course): SignedProof | undefined {
  const proof = proofOf(course);
  const made = course.results.create as StepResult<'create'> | undefined;
  return proof && made && { proof, ...made.proof };
}

const afterwards = (converted: string | undefined) => (converted === undefined ? {} : { converted });

const auditedShare = (sizeBytes: number, copied: StepResult<'copy'>['disks'][number] | undefined): number =>
  copied?.how === 'compare' ? 1 : Math.min(1, (copied?.auditedLeaves ?? 0) / Math.ceil(sizeBytes / leafBytes));

const described = (
  { pass, point, started, snapshot, copied = [], proven = [] }: Pass,
  keyOf: (index: number) => number | undefined,
) => ({
  ...{ pass, at: point?.at ?? started, snapshot: snapshot ?? null },
  disks: copied.map(({ index, how, readBytes, writtenBytes, auditedLeaves, liedLeaves, root }) => ({
    ...{ index, how, readBytes, writtenBytes, auditedLeaves, liedLeaves, root },
    changeId: point?.disks.find(({ key }) => key === keyOf(index))?.changeId ?? null,
    provenLeaves: proven.find((disk) => disk.index === index)?.leaves ?? 0,
  })),
});
