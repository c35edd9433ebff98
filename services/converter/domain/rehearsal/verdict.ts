import { type Boot, type Problem, TranshipError } from '@tranship/contracts';
import { normalMac } from '../network/mention.ts';
import { plainAddress } from '../nic-names.ts';

/** A network interface as the guest agent tells of it. */
export interface AgentNic {
  readonly name: string;
  readonly mac: string;
  readonly addresses: readonly string[];
}

const mostAddresses = 32;

/** The VM's NICs with what the agent saw of them, and what each lacks of the addresses that it is to keep. */
export function nicsSeen(
  macs: readonly string[],
  seen: readonly AgentNic[],
  kept: ReadonlyMap<string, readonly string[]>,
): Boot['nics'] {
  return macs.map((each) => {
    const mac = normalMac(each);
    // Bridges and VLANs have the MAC of what they stand on, and often its addresses.
    const own = seen.filter((nic) => normalMac(nic.mac) === mac);
    const addresses = [...new Set(own.flatMap((nic) => nic.addresses))].slice(0, mostAddresses);
    const has = new Set(addresses.map(plainAddress));
    const missing = (kept.get(mac) ?? []).filter((address) => !has.has(plainAddress(address)));
    return { mac, name: own[0]?.name ?? '', addresses, missing };
  });
}

/** Why it did not pass; `undefined`: it did. */
export function errorOf(seen: Pick<Boot, 'mark' | 'nics'>, why: string): Problem | undefined {
  if (seen.mark === 'nothing') return new TranshipError('rehearsal.no-boot', why).toProblem();
  const lacking = seen.nics.flatMap(({ mac, name, missing }) =>
    missing.length > 0 ? [`${name || 'the NIC'} (${mac}) has no ${missing.join(', ')}`] : [],
  );
  return lacking.length > 0 ? new TranshipError('rehearsal.network', lacking.join('; ')).toProblem() : undefined;
}
