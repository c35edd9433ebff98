/**
 * What a Windows likes of a hypervisor: without these its idle processors are busy, and its clock runs behind. Those that want
 * something of the node's processor (reenlightenment, frequencies, evmcs) are left to a person.
 */
export const windowsFeatures = {
  acpi: {},
  apic: {},
  hyperv: {
    relaxed: {},
    vapic: {},
    spinlocks: { spinlocks: 8191 },
    vpindex: {},
    runtime: {},
    synic: {},
    synictimer: { direct: {} },
    reset: {},
    tlbflush: {},
    ipi: {},
  },
};

/** Its ticks are kept, not made up for; it counts by the hypervisor's clock. */
export const windowsClock = {
  utc: {},
  timer: {
    hpet: { present: false },
    pit: { tickPolicy: 'delay' },
    rtc: { tickPolicy: 'catchup' },
    hyperv: {},
  },
};

/** On a console a mouse's pointer goes its own ways. */
export const windowsInputs = [{ name: 'tablet', type: 'tablet', bus: 'usb' }];
