import { readFile } from 'node:fs/promises';
import { signedProofSchema } from '@tranship/contracts';
import { CliError, exits } from '../errors.ts';
import { show } from '../output.ts';
import { action, type Register } from '../program.ts';
import { checkChain, checkDisk, checkGrade, checkSignature, type Finding } from '../proof.ts';
import { table } from '../render/table.ts';
import { migrationOf } from './watch.ts';

interface Options {
  readonly disk: string[];
  readonly key?: string;
}

export const proof: Register = (program) => {
  const verbs = program.command('proof').description('what proves that the target’s disks equalled the source’s');
  verbs
    .command('get')
    .description('prints the signed proof of a VM, to be kept')
    .argument('<migration>')
    .argument('<vm>', 'by name or id')
    .action(
      action(async ({ api, terminal }, name: string, vm: string) => {
        const id = await migrationOf(api, name);
        const signed = await api.get(['migrations', id, 'vms', vm, 'proof'], signedProofSchema);
        show(terminal, 'json', signed, () => []);
        return exits.done;
      }),
    );
  verbs
    .command('verify')
    .description('checks a proof with nothing else at hand: its signature, its passes, and disks where they are given')
    .argument('<file>')
    .option(
      '--disk <image>',
      'a raw image or device that must hold the proven bytes: IMAGE (of disk 0) or N=IMAGE',
      collect,
      [],
    )
    .option('--key <key>', 'the key that must have signed it, as it stands in a proof that you trust')
    .action(
      action(async ({ terminal, format }, file: string, { disk, key }: Options) => {
        const document = await json(file);
        const signed = signedProofSchema.safeParse(document);
        if (!signed.success) throw new CliError(`${file} is no proof of Tranship`, { exit: exits.usage });
        const { proof } = signed.data;
        const found: Finding[] = [
          ...checkSignature({ ...signed.data, proof: (document as { proof: unknown }).proof }, key),
          checkGrade(proof),
          ...checkChain(proof),
        ];
        for (const each of disk) {
          const [, index = '0', image = each] = /^(\d+)=(.+)$/.exec(each) ?? [];
          found.push(await checkDisk(proof, Number(index), image));
        }
        show(terminal, format, found, () =>
          table(
            [],
            found.map(({ what, ok, detail }) => [ok ? 'ok' : 'NOT OK', what, detail]),
          ),
        );
        return found.every(({ ok }) => ok) ? exits.done : exits.failed;
      }),
    );
};

const collect = (value: string, before: string[]) => [...before, value];

async function json(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new CliError(`${file}: ${(error as Error).message}`, { exit: exits.usage });
  }
}
