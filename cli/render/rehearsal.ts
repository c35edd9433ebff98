import type { Rehearsal } from '@tranship/contracts';
import { duration } from './units.ts';

const marks = {
  agent: 'its guest agent answers',
  login: 'it asks for a login',
  nothing: 'it did not come up',
} as const;

/** A rehearsal as people read it. */
export function rehearsalLines({ pass, passed, error, boot }: Rehearsal): string[] {
  return [
    `${passed ? 'passed' : 'failed'}, with the copy of pass ${pass}`,
    ...(error ? [`${error.code}: ${error.detail}`, `  fix: ${error.fix}`] : []),
    ...(boot ? bootLines(boot) : []),
  ];
}

function bootLines(boot: NonNullable<Rehearsal['boot']>): string[] {
  const { os, accelerator, memoryMB, seconds, mark, nics, failedUnits, conversion } = boot;
  const by = accelerator === 'kvm' ? 'on KVM' : 'emulated (no KVM in the workbench)';
  return [
    `${os || 'the guest'}: ${marks[mark]}, after ${duration(seconds * 1000)} ${by}, with ${memoryMB} MB`,
    `converted by ${conversion.engine}: ${conversion.files} files in ${duration(conversion.seconds * 1000)}`,
    ...nics.map(({ mac, name, addresses, missing }) => {
      const lacks = missing.length > 0 ? `, lacks ${missing.join(', ')}` : '';
      return `${name || 'NIC'} (${mac}): ${addresses.join(', ') || (mark === 'agent' ? 'no address' : 'not seen')}${lacks}`;
    }),
    failedUnits === null ? 'failed units: not known' : `failed units: ${failedUnits.join(', ') || 'none'}`,
  ];
}
