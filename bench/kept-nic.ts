import type { Inspection } from '@tranship/contracts';

/** Whether a guest's own files keep its NIC's name on other hardware, and its address with it. */
export function keptNic(
  { network: { configs } }: Pick<Inspection, 'network'>,
  { mac, name, address }: { mac: string; name: string; address: string },
): { name: boolean; address: boolean } {
  // A name stays where it is given by MAC: what systemd makes of a slot is another there.
  const isNamed = configs.some((each) => each.mac === mac && each.name === name);
  const isAddressed = configs.some(
    (each) => each.addresses.includes(address) && (each.mac === mac || (isNamed && each.name === name)),
  );
  return { name: isNamed, address: isAddressed };
}
