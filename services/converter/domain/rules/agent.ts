import { agentName, agentPackages, fileList, infoName, type Package, withPackages, withTriggers } from '../agent.ts';
import { type Change, textFile } from '../changes.ts';
import { type Facts, textOf } from '../facts.ts';
import { concern, type Part } from '../part.ts';
import { paths } from '../paths.ts';
import { agentLater, hasSystemd } from './agent-later.ts';

const programs = [paths.agent, '/usr/bin/qemu-ga', '/usr/libexec/qemu-ga'] as const;
/** A unit that somebody put in the place of the packages' own: a link to nothing keeps the agent from starting. */
const override = `/etc/systemd/system/${agentName}.service`;

/** Whether the agent that a guest holds will answer; of one that is not where it is looked for, nobody knows. */
export const agentFound = (facts: Pick<Facts, 'has'>): NonNullable<Part['agent']> =>
  programs.some((path) => facts.has(path)) && !facts.has(override) ? 'present' : 'unknown';

/** The guest agent: laid in from the media folder, else fetched by the guest itself at its first start, else told. */
export function agentRule(facts: Facts): Part {
  if (programs.some((path) => facts.has(path))) return { agent: agentFound(facts) };
  const found = fromMedia(facts);
  if (!('why' in found)) return found;
  const later = agentLater(facts);
  const told = `the guest agent was not installed: ${found.why}`;
  if (!later) return { agent: 'absent', concerns: [concern('guest.agent', told)] };
  const why = `${told}; a minute after its first start the guest fetches it once, by ${later.program}`;
  return { agent: 'later', changes: later.changes, concerns: [concern('guest.agent-later', why)] };
}

/** As if dpkg had installed it: the guest may have no network to fetch it by. */
function fromMedia(facts: Facts): Part | { readonly why: string } {
  const status = textOf(facts, paths.status);
  if (status === undefined) return { why: 'there are no packages of it for this system' };
  const found = agentPackages(status, facts.media);
  if ('why' in found) return found;
  const { packages } = found;
  if (packages.length === 0) return {};
  const changes = packages.flatMap((each): Change[] => [
    ...each.files.map((file) => lay(file, facts)),
    textFile(`${paths.info}/${infoName(each.control)}.list`, fileList(each), 0o644),
    ...[...each.info].map(
      ([suffix, content]): Change => ({
        kind: 'file',
        path: `${paths.info}/${infoName(each.control)}.${suffix}`,
        content,
        mode: /^(pre|post)(inst|rm)$|^config$/.test(suffix) ? 0o755 : 0o644,
      }),
    ),
  ]);
  const triggers = textOf(facts, paths.triggers) ?? '';
  const after = withTriggers(triggers, packages);
  if (after !== triggers) changes.push(textFile(paths.triggers, after, 0o644));
  return {
    changes: [...changes, textFile(paths.status, withPackages(status, packages))],
    // Its unit is started by udev; nobody made links for an init of another kind.
    agent: hasSystemd(facts) && !facts.has(override) ? 'present' : 'unknown',
  };
}

function lay(file: Package['files'][number], facts: Facts): Change {
  const path = facts.place(file.path);
  switch (file.kind) {
    case 'folder':
      return { kind: 'folder', path, mode: file.mode };
    case 'file':
      // What stands in /etc is the guest's own.
      return { kind: 'file', path, content: file.content, mode: file.mode, onlyIfAbsent: path.startsWith('/etc/') };
    case 'link':
      return { kind: 'link', path, target: file.target };
  }
}
