import type { Facts } from '../facts.ts';
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
/** What VMware's own installer leaves, which no unit starts. */
const installer = ['/etc/vmware-tools', '/etc/init.d/vmware-tools', '/etc/init/vmware-tools.conf'] as const;

/** What there is of VMware in the guest. */
export const toolsOf = (facts: Facts): string[] => [
  ...units.filter((unit) => folders.some((folder) => facts.has(facts.place(`${folder}/${unit}`)))),
  ...installer.filter((path) => facts.has(path)),
];

/** VMware's own services stay installed and are never started. */
export function toolsRule(facts: Facts): Part {
  const masked = units.filter(
    (unit) => facts.has(facts.place(`/lib/systemd/system/${unit}`)) && !facts.has(`/etc/systemd/system/${unit}`),
  );
  const scripts = installer.filter((path) => path.startsWith('/etc/init') && facts.has(path));
  return {
    changes: masked.map((unit) => ({ kind: 'link', path: `/etc/systemd/system/${unit}`, target: '/dev/null' })),
    concerns: scripts.map((path) => concern('guest.tools', `${path} starts VMware's own services`, path)),
  };
}
