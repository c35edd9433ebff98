import { type Change, textFile } from '../changes.ts';
import { type Facts, textOf } from '../facts.ts';
import { concern, type Part } from '../part.ts';

/** Services of open-vm-tools, by Debian's names and by those of Red Hat and SUSE, and of VMware's own installer. */
const units = [
  'open-vm-tools.service',
  'vgauth.service',
  'vmtoolsd.service',
  'vgauthd.service',
  'vmware-tools.service',
  'vmware-tools-thinprint.service',
  'run-vmblock\\x2dfuse.mount',
] as const;
const folders = ['/lib/systemd/system', '/etc/systemd/system'] as const;
/** What VMware's own installer leaves, which may be started without a unit. */
const installer = ['/etc/vmware-tools', '/etc/init.d/vmware-tools', '/etc/init/vmware-tools.conf'] as const;
/** What it starts all by, from units, runlevels and Upstart alike; what runlevels start may be a copy of it. */
const script = '/etc/vmware-tools/services.sh';
const scripts = [script, '/etc/init.d/vmware-tools', '/etc/init.d/vmware-tools-thinprint'] as const;
const upstart = '/etc/init/vmware-tools.conf';
const override = upstart.replace('.conf', '.override');

const inEtc = (unit: string) => `/etc/systemd/system/${unit}`;

/** Files of the tools that the plan looks into. */
export const toolsFiles: readonly string[] = [...units.map(inEtc), ...scripts, override];

/** What there is of VMware in the guest. */
export const toolsOf = (facts: Facts): string[] => [
  ...units.filter((unit) => folders.some((folder) => facts.has(facts.place(`${folder}/${unit}`)))),
  ...installer.filter((path) => facts.has(path)),
];

/** VMware's own services stay installed and are never started. */
export function toolsRule(facts: Facts): Part {
  const inLib = (unit: string) => facts.has(facts.place(`/lib/systemd/system/${unit}`));
  const masked = units.filter((unit) => inLib(unit) && !facts.has(inEtc(unit)));
  // One that lies in /etc itself, or is linked to there, cannot be masked there; a link over one in /lib masks it already.
  const own = units.filter((unit) => facts.files.has(inEtc(unit)) || (facts.has(inEtc(unit)) && !inLib(unit)));
  const ended = new Map(
    scripts.flatMap((path) => {
      const content = facts.files.get(path);
      const after = content && endingAtOnce(content);
      return after ? [[path as string, after]] : [];
    }),
  );
  const going = ended.has(script) ? [] : scripts.filter((path) => facts.has(path) && !ended.has(path));
  const settings = textOf(facts, override) ?? '';
  return {
    changes: [
      ...masked.map((unit): Change => ({ kind: 'link', path: inEtc(unit), target: '/dev/null' })),
      ...own.map((unit) =>
        textFile(`${inEtc(unit)}.d/90-tranship.conf`, '[Unit]\nConditionVirtualization=vmware\n', 0o644),
      ),
      ...[...ended].map(([path, content]): Change => ({ kind: 'file', path, content })),
      ...(facts.has(upstart) && !/^manual$/m.test(settings) ? [textFile(override, `${settings}manual\n`, 0o644)] : []),
    ],
    concerns: going.map((path) =>
      concern('guest.tools', `${path} starts VMware's own services, and is no script that could be stopped`, path),
    ),
  };
}

const end = 'exit 0 # There is no VMware any more: put here by Tranship\n';

/** A shell script with an end behind its first line, whatever its encoding; undefined: it is none. */
function endingAtOnce(content: Buffer): Buffer | undefined {
  const line = content.indexOf('\n') + 1;
  if (!/^#!.*sh\b/.test(content.toString('latin1', 0, line))) return undefined;
  const [head, rest] = [content.subarray(0, line), content.subarray(line)];
  return rest.indexOf(end) === 0 ? content : Buffer.concat([head, Buffer.from(end), rest]);
}
