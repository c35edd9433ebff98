import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type GuestAnswer, guestAnswerSchema, TranshipError } from '@tranship/contracts';
import { CliError, exits } from '../errors.ts';
import { show } from '../output.ts';
import { action, type Register, type Session } from '../program.ts';
import { guestLines } from '../render/guest.ts';

interface Options {
  nics?: string;
  overlay?: string;
  media?: string;
  luksKeys?: string;
  dryRun?: boolean;
}

const tool = fileURLToPath(new URL('../../services/converter/acts/tool.ts', import.meta.url));

/** The converter by itself, without services. */
export const guest: Register = (program) => {
  const group = program.command('guest').description('looks at disk images of a guest, or converts them, by itself');
  const nics = ['--nics <file>', 'the VM’s NICs, as JSON: [{mac, slot: 192, addresses: ["10.0.0.5/24"]}]'] as const;
  const media = ['--media <dir>', 'what is laid into guests: debian/*.deb, windows/ with virtio-win'] as const;
  const keys = ['--luks-keys <dir>', 'keys of encrypted volumes (LUKS), a file each'] as const;
  group
    .command('inspect')
    .description('what lies in disk images, or in a folder with a guest’s files, and what a conversion would change')
    .argument('<disk...>')
    .option(...nics)
    .option(...media)
    .option(...keys)
    .action(action((session, disks: string[], options: Options) => work(session, 'inspect', disks, options)));
  group
    .command('convert')
    .description('makes the guest in raw disk images, or in a folder, fit KVM')
    .argument('<disk...>')
    .option(...nics)
    .option(...media)
    .option(...keys)
    .option('--overlay <file>', 'write the changes into this qcow2 file, and leave the disk as it is')
    .option('--dry-run', 'say what would be changed, and change nothing')
    .action(action((session, disks: string[], options: Options) => work(session, 'convert', disks, options)));
};

async function work({ terminal, format }: Session, verb: string, disks: readonly string[], options: Options) {
  const { nics, overlay, media, luksKeys } = options;
  const flags = Object.entries({ nics, overlay, media, 'luks-keys': luksKeys });
  const answer = await ask([
    verb,
    ...(options.dryRun ? ['--dry-run'] : []),
    ...flags.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`])),
    '--',
    ...disks,
  ]);
  if ('problem' in answer) throw TranshipError.fromProblem(answer.problem);
  const { inspection, written } = answer;
  show(terminal, format, inspection, () => guestLines(inspection, written, terminal.style));
  return inspection.supported ? exits.done : exits.notReady;
}

/** Runs the converter's own program: its tools are no part of this one. */
async function ask(args: readonly string[]): Promise<GuestAnswer> {
  if (!existsSync(tool))
    throw new CliError('the converter is not here', {
      exit: exits.failed,
      fix: 'Run it from the image or a clone of Tranship',
    });
  const child = spawn(process.execPath, [tool, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  // The terminal's own signals reach the child as well: it decides when to end.
  const ignore = () => {};
  process.on('SIGINT', ignore);
  try {
    const line = (await text(child.stdout)).trim();
    if (line === '') throw new CliError('the converter ended without an answer', { exit: exits.failed });
    return guestAnswerSchema.parse(JSON.parse(line));
  } finally {
    process.off('SIGINT', ignore);
  }
}
