import { bounds, drive } from '../services/converter/testing/hostile/drive.ts';
import { type Line, line } from './measure.ts';

/** 100,000 seeds from 1 on, or as `TRANSHIP_HOSTILE_FROM` and `TRANSHIP_HOSTILE_INPUTS` say. */
const setting = (name: string, otherwise: number) => {
  const value = Number(process.env[`TRANSHIP_HOSTILE_${name}`] ?? otherwise);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`TRANSHIP_HOSTILE_${name} is a number from 1 on`);
  return value;
};
const mib = 1024 ** 2;

/** Bad input to the converter: the memory that its processes took at most, against the 300 MiB that they may take. Throws when any input got no good answer. */
export async function hostile(): Promise<Line> {
  const began = performance.now();
  const tally = await drive(setting('FROM', 1), setting('INPUTS', 100_000), ({ inputs, failures }, next) =>
    process.stderr.write(`hostile: ${inputs} inputs, ${failures.length} failed; next is seed ${next}\n`),
  );
  const { seed: slow, kind: kindOf } = tally.slowest;
  process.stderr.write(`hostile: the slowest was seed ${slow} (${kindOf})\n`);
  for (const { seed, kind, what } of tally.failures) process.stderr.write(`hostile: seed ${seed} (${kind}): ${what}\n`);
  if (tally.failures.length > 0)
    throw new Error(
      `${tally.failures.length} of ${tally.inputs} inputs got no good answer, the first of seed ${tally.failures[0]!.seed}`,
    );
  return line('hostile', '300 MiB of memory', [tally.peakBytes / bounds.bytes], {
    inputs: tally.inputs,
    peakMiB: tally.peakBytes / mib,
    slowestMs: tally.slowest.ms,
    kinds: tally.byKind.size,
    seconds: (performance.now() - began) / 1000,
  });
}
