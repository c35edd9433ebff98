import { stepExamples } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { good, plan, present, queued, run } from '../testing/course.ts';
import { next } from './next.ts';
import { digestOf, proofOf, signedProofOf } from './proof.ts';

const disk = {
  ...{ index: 0, key: 2000, file: '[ds] web/web.vmdk', sizeBytes: 2 ** 30, storageClass: 'fast' },
  ...({ volumeMode: 'Filesystem', accessMode: 'ReadWriteOnce', bus: 'virtio' } as const),
};
const course = (until: string) =>
  run(
    queued({
      ...{ type: 'warm', intervalMs: 60_000, cutover: { mode: 'budget', budgetMs: 600_000 } },
      target: { ...plan().target, disks: [disk] },
    }),
    (step, now, clock) => {
      const n = now.passes.length;
      if (step === until) return undefined;
      const counts = { readBytes: n, writtenBytes: n, resumedBytes: 0, savedBytes: 0, auditedLeaves: 7, liedLeaves: 0 };
      if (step === 'copy') {
        const how = n === 1 ? 'full' : 'delta';
        const disks = [{ index: 0, sizeBytes: disk.sizeBytes, how, ...counts, root: `root-${n}` } as const];
        return { type: 'vm.pass-finished', data: { disks, seconds: 1 } };
      }
      if (step === 'prove')
        return {
          type: 'vm.proved',
          data: { grade: 'standard', disks: [{ index: 0, root: `root-${n}`, leaves: n }], seconds: 1 },
        };
      return good(step, now, clock);
    },
  ).course;

test('proof - every pass with its moment, and the roots of the last, once that is proven', () => {
  const proof = proofOf(course('start'))!;
  expect(proof.disks).toEqual([
    { index: 0, file: disk.file, sizeBytes: 2 ** 30, copied: 'root-3', auditedShare: 7 / 16_384 },
  ]);
  expect(proof.passes).toMatchObject([
    { pass: 1, snapshot: 'snapshot-1', disks: [{ how: 'full', changeId: '52 aa/1', root: 'root-1', provenLeaves: 1 }] },
    { pass: 2, snapshot: 'snapshot-2', disks: [{ how: 'delta', changeId: '52 aa/2' }] },
    { pass: 3, snapshot: null, disks: [{ how: 'delta', root: 'root-3', provenLeaves: 3 }] },
  ]);
});

test('proof - its grade is the plan’s; a converted disk has a second root, and a disk that was compared is audited whole', () => {
  const done = course('start');
  const last = done.passes.at(-1)!;
  const compared = { ...last, copied: last.copied!.map((each) => ({ ...each, how: 'compare' as const })) };
  const proof = proofOf({
    ...done,
    plan: { ...done.plan!, proof: 'sha256' },
    passes: [...done.passes.slice(0, -1), compared],
    results: { ...done.results, convert: { roots: [{ index: 0, root: 'after', leaves: 9 }] } },
  })!;
  expect(proof).toMatchObject({ grade: 'sha256', disks: [{ copied: 'root-3', converted: 'after', auditedShare: 1 }] });
});

test('proof - before the last pass is proven there is none, though passes before it were', () => {
  expect(proofOf(course('powerOff'))).toBeUndefined();
  expect(proofOf(course('convert'))).toBeDefined();
});

test('proof - it is signed when its target is made, over a text that later words of the course leave as it was', () => {
  const { proof: signature } = stepExamples.create.result;
  expect(signedProofOf(course('create'))).toBeUndefined();
  const made = course('checkOff');
  expect(signedProofOf(made)).toEqual({ proof: proofOf(made), ...signature });
  const commanded = next({ ...course('create') }, present());
  expect(commanded).toMatchObject({ kind: 'command', step: 'create', input: { proof: digestOf(proofOf(made)!) } });
  expect(signedProofOf(course('none'))).toEqual(signedProofOf(made));
});

test('proof - the text of what was signed once never changes: what this test holds may only be added to', () => {
  expect(digestOf(proofOf(course('none'))!)).toBe('a0c82488de9f055ef2c8b1ae2ffefcab5015b1c485fb8538e5ce2b03c064cf9a');
});
