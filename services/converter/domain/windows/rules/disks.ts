import { controlSets, type WindowsFacts, type WindowsPart } from '../facts.ts';
import { dword } from '../registry.ts';

const onlineAll = 1;

/**
 * Disks on another bus are new ones to Windows, and a server leaves new ones offline. Letters need nothing: MountedDevices
 * has them by the disk's signature and the partition's place, or by its GUID.
 */
export const disksRule = (facts: WindowsFacts): WindowsPart => ({
  system: controlSets(facts).map((set) => ({
    key: `${set}\\Services\\partmgr\\Parameters`,
    values: { SanPolicy: dword(onlineAll) },
  })),
});

/** KubeVirt's clock runs by UTC, VMware's by the time of day where the guest believes to be. */
export const clockRule = (facts: WindowsFacts): WindowsPart => ({
  system: controlSets(facts).map((set) => ({
    key: `${set}\\Control\\TimeZoneInformation`,
    values: { RealTimeIsUniversal: dword(1) },
  })),
});
