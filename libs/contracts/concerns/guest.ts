import type { ConcernEntry } from './entry.ts';

/** Of a guest: what does not stand in the way of its conversion, and is told all the same. */
export const guestConcerns = {
  'guest.nic-name': {
    category: 'warning',
    label: 'The name of a NIC may change',
    fix: 'Bind its configuration to its MAC in the guest',
  },
  'guest.nic-order': {
    category: 'warning',
    label: 'NICs are told apart by their order alone',
    fix: 'Give the addresses of the NICs, or name them by MAC in the guest',
  },
  'guest.dhcp-client': {
    category: 'warning',
    label: 'A DHCP server may take a NIC for another client',
    fix: 'Set IAID= in [DHCPv4] of its .network file in the guest before the migration (`networkctl status` tells the number), ask by MAC (ClientIdentifier=mac), or give its address to the MAC on the server',
  },
  'guest.address-differs': {
    category: 'warning',
    label: 'The guest’s files and its reported addresses differ',
    fix: 'Nothing, when the files are right: they are what counts. Else change them in the guest before the migration',
  },
  'guest.device-left': {
    category: 'warning',
    label: 'A device was left under a name that may not hold',
    fix: 'Name it by UUID in the guest, or take the line out',
  },
  'guest.encrypted': {
    category: 'information',
    label: 'The guest asks for the key of an encrypted volume at each start, as it did',
    fix: 'Nothing: answer at its console (`virtctl vnc` or `virtctl console`), unless it keeps the key itself',
  },
  'guest.key-bound': {
    category: 'warning',
    label: 'What opens an encrypted volume by itself may not do so after the move',
    fix: 'Keep a passphrase at hand, and bind the volume anew on the target: a TPM or a token does not move',
  },
  'guest.nic-settings': {
    category: 'warning',
    label: 'The settings of a NIC could not be told',
    fix: 'Give the addresses of the NICs as vSphere reports them, or set them in the guest after its first start',
  },
  'guest.driver': {
    category: 'information',
    label: 'A driver was not laid in',
    fix: 'Install it in the guest, or complete the media folder',
  },
  'guest.first-start': {
    category: 'information',
    label: 'Part of the conversion is done by Windows itself',
    fix: 'Nothing: C:\\Windows\\Tranship\\log.txt tells how it went',
  },
  'guest.agent': {
    category: 'information',
    label: 'The guest agent was not installed',
    fix: 'Install qemu-guest-agent in the guest',
  },
  'guest.agent-later': {
    category: 'information',
    label: 'The guest agent is installed at the first start',
    fix: 'Let the guest reach its package sources then, or install qemu-guest-agent in it before the migration',
  },
  'guest.tools': {
    category: 'information',
    label: 'VMware Tools stay installed',
    fix: 'Remove them after the migration: they are not started any more, or do nothing on KVM',
  },
  'guest.by-v2v': {
    category: 'information',
    label: 'virt-v2v-in-place converts this guest',
    fix: 'Nothing: it was tried on a layer over the copy. What it changes below /etc and /boot is listed by digests',
  },
  'guest.cloud-init': {
    category: 'information',
    label: 'cloud-init is kept from writing the network configuration again',
    fix: 'Remove /etc/cloud/cloud.cfg.d/99-tranship-network.cfg when it shall again',
  },
} as const satisfies Record<string, ConcernEntry>;
