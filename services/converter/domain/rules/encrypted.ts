import type { Facts } from '../facts.ts';
import { concern, type Part } from '../part.ts';
import { placeOf } from '../volumes.ts';

/** Who opened an encrypted volume goes on doing so; a machine's own parts do not move. */
export function encryptedRule({ disks }: Pick<Facts, 'disks'>): Part {
  const encrypted = disks.flatMap(({ volumes }) => volumes.flatMap(({ opened }) => opened?.of ?? []));
  return {
    concerns: encrypted.map((volume) => {
      const { bindings = [] } = volume.fileSystem ?? {};
      return bindings.length === 0
        ? concern('guest.encrypted', `${placeOf(volume)} is encrypted (LUKS)`)
        : concern('guest.key-bound', `${placeOf(volume)} is encrypted (LUKS), and bound by ${bindings.join(', ')}`);
    }),
  };
}
