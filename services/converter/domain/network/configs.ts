import { type Facts, filesBelow, textOf } from '../facts.ts';
import { paths } from '../paths.ts';
import { ifcfgMentions } from './ifcfg.ts';
import { ifupdownMentions } from './ifupdown.ts';
import { type HardwareMatch, iniMatches, netplanMatches } from './match.ts';
import type { Mention } from './mention.ts';
import { netplanMentions } from './netplan.ts';
import { leaseMentions, networkManagerMentions } from './network-manager.ts';
import { linkMentions, networkdMentions, udevMentions } from './networkd.ts';

/** What a manager of networks says in this guest. */
export interface ManagerConfig {
  readonly manager: string;
  readonly mentions: readonly Mention[];
}

type Files = Pick<Facts, 'files'>;

/** All that the guest's files say of its NICs, by who reads them. */
export function networkConfigs(facts: Files): ManagerConfig[] {
  const ifcfg = (folder: string) => filesBelow(facts, folder).filter(({ path }) => /\/ifcfg-[^/]+$/.test(path));
  const all: ManagerConfig[] = [
    { manager: 'link', mentions: linkMentions(filesBelow(facts, paths.networkd, '.link')) },
    { manager: 'udev', mentions: udevMentions(filesBelow(facts, paths.udevRules, '.rules')) },
    {
      manager: 'ifupdown',
      mentions: ifupdownMentions(filesBelow(facts, paths.ifupdown)),
    },
    { manager: 'networkd', mentions: networkdMentions(filesBelow(facts, paths.networkd, '.network')) },
    { manager: 'netplan', mentions: netplanMentions(filesBelow(facts, paths.netplan, '.yaml')) },
    { manager: 'NetworkManager', mentions: networkManagerMentions(filesBelow(facts, paths.networkManager)) },
    { manager: 'ifcfg', mentions: ifcfgMentions(ifcfg(paths.ifcfgRedHat)) },
    { manager: 'wicked', mentions: ifcfgMentions(ifcfg(paths.ifcfgSuse)) },
    { manager: 'dhclient', mentions: leaseMentions(filesBelow(facts, paths.leases, '.leases')) },
  ];
  return all.filter(({ mentions }) => mentions.length > 0);
}

/** Matches by hardware, which will not be the same. */
export const hardwareMatches = (facts: Files): HardwareMatch[] => [
  ...iniMatches(filesBelow(facts, paths.networkd, '.network')),
  ...iniMatches(filesBelow(facts, paths.networkManager)),
  ...netplanMatches(filesBelow(facts, paths.netplan, '.yaml')),
];

/** Files by which managers that are not known here configure NICs. */
export const foreignConfigs = (facts: Files): string[] => [
  ...[paths.wicked, paths.connman, paths.netctl].flatMap((folder) => filesBelow(facts, folder).map(({ path }) => path)),
  ...(/^\s*static\s/m.test(textOf(facts, paths.dhcpcd) ?? '') ? [paths.dhcpcd] : []),
];
