import type { Facts } from './facts.ts';
import { familyOf } from './os-release.ts';
import { concern, type Part, refuse, together, type Whole } from './part.ts';
import { agentFound, agentRule } from './rules/agent.ts';
import { bootRule } from './rules/boot.ts';
import { cloudInitRule } from './rules/cloud-init.ts';
import { devicesRule } from './rules/devices.ts';
import { dhcpRule } from './rules/dhcp.ts';
import { driversRule } from './rules/drivers.ts';
import { encryptedRule } from './rules/encrypted.ts';
import { fallbackRule } from './rules/fallback.ts';
import { networkRule } from './rules/network.ts';
import { toolsRule } from './rules/tools.ts';

type Rule = (facts: Facts) => Part;
const all: readonly Rule[] = [
  systemRule,
  devicesRule,
  driversRule,
  bootRule,
  encryptedRule,
  fallbackRule,
  networkRule,
  dhcpRule,
  cloudInitRule,
  toolsRule,
  agentRule,
];
/** What can be said of a bare tree, without its disks. */
const ofTree: readonly Rule[] = [systemRule, bootRule, networkRule, dhcpRule, cloudInitRule, toolsRule];

/** What is to be changed in a guest; with a refusal in it, nothing may be. */
export const planChanges = (facts: Facts): Whole =>
  together((facts.disks.length > 0 ? all : ofTree).map((rule) => rule(facts)));

/** What is left to do in a guest that virt-v2v has converted: it knows nothing of NICs' names. */
export const planNetwork = (facts: Facts): Whole =>
  together([
    networkRule(facts),
    dhcpRule(facts),
    cloudInitRule(facts),
    {
      agent: agentFound(facts),
      concerns: [concern('guest.by-v2v', `${facts.os.name} was converted by virt-v2v-in-place, its NICs by our rules`)],
    },
  ]);

function systemRule({ os }: Facts): Part {
  if (familyOf(os)) return {};
  return {
    refusals: [
      refuse('guest.os-unsupported', `${os.name}: Debian, Ubuntu, Red Hat, SUSE and their like are converted`),
    ],
  };
}
