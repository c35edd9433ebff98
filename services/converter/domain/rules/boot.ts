import { entriesIn, isEntry } from '../boot-entries.ts';
import { textFile } from '../changes.ts';
import { renameInArguments } from '../devices.ts';
import { type Facts, filesBelow, textOf } from '../facts.ts';
import { grubFiles, grubSources, isGrubConfig, isGrubEnvironment } from '../grub.ts';
import { type Part, type Refusal, refuse } from '../part.ts';
import { paths } from '../paths.ts';
import { nameIn } from './devices.ts';

/** Lines with what the kernel is told, and the files in which they stand. */
const kinds: readonly { readonly line: RegExp; matches(path: string): boolean }[] = [
  { line: /^([ \t]*linux(?:16|efi)?[ \t]+\S+)([ \t][^\n]*)$/gm, matches: isGrubConfig },
  // Red Hat's, where its environment has no such line.
  { line: /^([ \t]*set kernelopts=")([^"\n]*)(?=")/gm, matches: isGrubConfig },
  { line: /^(options[ \t])([^\n]*)$/gm, matches: isEntry },
  {
    line: /^(GRUB_CMDLINE_LINUX=")((?:[^"\\\n]|\\.)*)(?="[ \t]*(?:#.*)?$)/gm,
    matches: (path) => path === paths.grubDefaults,
  },
  { line: /^(GRUB_CMDLINE_LINUX=')([^'\n]*)(?='[ \t]*(?:#.*)?$)/gm, matches: (path) => path === paths.grubDefaults },
  { line: /^(kernelopts=)([^\n]*)$/gm, matches: isGrubEnvironment },
  { line: /^()([^\n]+)$/gm, matches: (path) => path === paths.kernelCommandLine },
];
/** The first console that is named last is where the guest asks; that stays the screen, as it was. */
const serial = 'console=ttyS0,115200';
const screen = 'console=tty0';

/** Names of devices on the kernel line that hold, and a serial console. */
export function bootRule(facts: Facts): Part {
  const files = bootFiles(facts);
  const nameOf = nameIn(facts);
  const refusals = [];
  const changes = [];
  for (const { path, text, lines } of files) {
    const renamed = renameInArguments(text, nameOf);
    // Of a bare tree nobody knows the disks: its names are left.
    if (renamed.unknown.length > 0 && facts.disks.length > 0) {
      const detail = `${path} names a device that cannot be told on KVM: ${renamed.unknown[0]}`;
      refusals.push(refuse('guest.device-unsupported', detail, path));
      continue;
    }
    const after = sized(
      path,
      text,
      lines.reduce(
        (all, line) =>
          all.replace(line, (whole, head: string, rest: string) =>
            // GRUB starts other things than Linux too.
            isGrubConfig(path) ? (/\broot=/.test(rest) ? head + inStatement(rest) : whole) : head + withConsole(rest),
          ),
        path === paths.grubDefaults ? quoted(renamed.text) : renamed.text,
      ),
    );
    if (after === undefined)
      refusals.push(refuse('guest.boot-unsupported', `${path} has no room for the kernel line`, path));
    else if (after !== text) changes.push(textFile(path, after));
  }
  if (facts.disks.length > 0) refusals.push(...unknownBoot(facts));
  for (const path of facts.esp?.unified ?? [])
    refusals.push(
      refuse('guest.boot-unsupported', `${path} holds its initramfs itself, which cannot be changed`, path),
    );
  return { changes, refusals: [...refusals, ...lostEntries(facts)] };
}

function bootFiles(facts: Facts) {
  const files = [
    ...grubFiles(facts),
    ...[paths.grubDefaults, paths.kernelCommandLine],
    ...grubSources.flatMap(([folder, end]) => filesBelow(facts, folder, end).map(({ path }) => path)),
    ...entriesIn(facts).map(({ path }) => path),
  ];
  return files.flatMap((path) => {
    const text = textOf(facts, path);
    const lines = kinds.filter(({ matches }) => matches(path)).map(({ line }) => line);
    return text === undefined ? [] : [{ path, text, lines }];
  });
}

/** Nothing starts a kernel, or it is told what no file that was found says. */
function* unknownBoot(facts: Facts): Iterable<Refusal> {
  if (!hasGrub(facts) && entriesIn(facts).length === 0)
    yield refuse('guest.boot-unsupported', 'neither grub.cfg nor entries of a boot loader were found in /boot');
  const asks = entriesIn(facts).find(({ text }) => /^options[ \t].*\$\{?kernelopts\b/m.test(text));
  const says = /^(kernelopts=|[ \t]*set kernelopts=")/m;
  if (asks && !grubFiles(facts).some((path) => says.test(textOf(facts, path) ?? '')))
    yield refuse(
      'guest.boot-unsupported',
      `${asks.path} takes $kernelopts, and no environment of GRUB with it was found`,
      asks.path,
    );
}

/** A command of GRUB, up to what ends it, is a comment, or goes on in the next line. */
const statement = /^(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|(?<=[^ \t])#|[^ \t"'\\;#]|[ \t](?!#|\\$|[{}](?:[ \t]|$)))*/;

/** The same of a command that other things may follow on its line. */
function inStatement(rest: string): string {
  const own = statement.exec(rest)![0];
  const tail = rest.slice(own.length).replace(/^[ \t]+/, '');
  const told = withConsole(own);
  // A quote that is not closed is no command.
  if (told === own || /^["']/.test(tail)) return rest;
  return tail === '' ? told : `${told} ${tail}`;
}

/** A word without quotes would end at the first blank. */
const quoted = (text: string) => text.replace(/^(GRUB_CMDLINE_LINUX=)([^\s"'`\\$;&|<>()#]*)[ \t]*$/gm, '$1"$2"');

/** A kernel line that says nothing of consoles gets both, one that names others gets the serial one before them. */
function withConsole(line: string): string {
  if (/\bconsole=ttyS\d/.test(line) || /\$(kernelopts|\{?GRUB_\w+)|\$\{?extra_cmdline/.test(line)) return line;
  const first = /(^|\s)console=/.exec(line);
  if (first)
    return `${line.slice(0, first.index)}${first[1] === '' ? '' : ' '}${serial} ${line.slice(first.index + first[1]!.length)}`;
  const trimmed = line.trimEnd();
  return `${trimmed}${trimmed === '' ? '' : ' '}${serial} ${screen}`;
}

/** GRUB's environment is a block of 1024 bytes, filled with `#`. */
function sized(path: string, before: string, after: string): string | undefined {
  if (!isGrubEnvironment(path)) return after;
  let end = after.length;
  while (after[end - 1] === '#') end--;
  const bare = after.slice(0, end);
  const room = before.length - bare.length;
  return room < 0 ? undefined : bare + '#'.repeat(room);
}

/** Every kernel line of the guest as one text. */
export const kernelLine = (facts: Facts): string =>
  bootFiles(facts)
    .flatMap(({ text, lines }) => lines.flatMap((line) => [...text.matchAll(line)].map((match) => match[2] ?? '')))
    .join('\n');

const hasGrub = (facts: Facts) => grubFiles(facts).some(isGrubConfig);

/** Entries that start what was not found, and would stay without drivers. */
function lostEntries({ started = [], ...facts }: Facts): Refusal[] {
  const why = {
    foreign: 'is of no kernel with modules in the guest',
    lost: 'was not found, and its kernel was',
    gone: 'was not found, as nothing that entries start',
  } as const;
  const allGone = !hasGrub(facts) && started.every(({ state }) => state === 'gone');
  return started.flatMap(({ entry, initrd, state }) =>
    state === 'foreign' || state === 'lost' || (state === 'gone' && allGone)
      ? [refuse('guest.boot-unsupported', `${entry} starts ${initrd}, which ${why[state]}`, entry)]
      : [],
  );
}

/** The boot loaders whose files were found. */
export function loadersOf(facts: Facts): string[] {
  const folders = new Set(entriesIn(facts).map(({ path }) => path.slice(0, path.lastIndexOf('/'))));
  const grub = hasGrub(facts);
  // GRUB reads entries in /boot alone.
  const kinds = [...folders].map((folder) => (grub && folder === paths.entries ? 'entries' : 'systemd-boot'));
  return [...(grub ? ['grub2'] : []), ...new Set(kinds)];
}
