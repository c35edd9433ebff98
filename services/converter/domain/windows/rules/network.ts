import { normalMac } from '../../network/mention.ts';
import type { NamedNic } from '../../nic-names.ts';
import { concern } from '../../part.ts';
import { differing } from '../../rules/network.ts';
import { type WindowsFacts, type WindowsPart, winPaths } from '../facts.ts';
import { type Interface, interfaces, matchNics } from '../interfaces.ts';

/** Which interface's settings each NIC shall have on KVM, where Windows takes it for a new one: by MAC. */
export function settings(facts: Pick<WindowsFacts, 'system' | 'nics'>): Map<string, Interface> {
  return matchNics(facts.nics, interfaces(facts));
}

/** Tells which NIC has which settings; the first start moves them. */
export function networkRule(facts: WindowsFacts): WindowsPart {
  const found = settings(facts);
  const nics = facts.nics.flatMap(({ mac, addresses }): NamedNic[] => {
    const own = found.get(normalMac(mac));
    return own ? [{ mac: normalMac(mac), name: own.name, addresses: [...addresses], kept: true }] : [];
  });
  const mentions = [...found].map(([mac, { name, addresses }]) => ({ mac, name, addresses, file: winPaths.system }));
  return {
    nics,
    concerns: [
      ...facts.nics
        .filter(({ mac }) => !found.has(normalMac(mac)))
        .map(({ mac }) =>
          concern(
            'guest.nic-settings',
            `NIC ${mac}: the registry does not tell which interface it is`,
            winPaths.system,
          ),
        ),
      ...differing(facts.nics, nics, mentions),
    ],
  };
}
