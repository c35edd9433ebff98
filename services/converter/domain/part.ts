import { type Concern, type ErrorCode, errorCatalogue, TranshipError } from '@tranship/contracts';
import type { Change } from './changes.ts';
import type { NamedNic } from './nic-names.ts';

/** Why a guest is not converted; `path` is the file in the guest that says so. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly path?: string;
}

/** What one rule wants of the guest. */
export interface Part {
  readonly changes?: readonly Change[];
  readonly nics?: readonly NamedNic[];
  readonly concerns?: readonly Concern[];
  readonly refusals?: readonly Refusal[];
}

export type Whole = Required<Part>;

export const together = (parts: readonly Part[]): Whole => ({
  changes: parts.flatMap(({ changes }) => changes ?? []),
  nics: parts.flatMap(({ nics }) => nics ?? []),
  concerns: parts.flatMap(({ concerns }) => concerns ?? []),
  refusals: parts.flatMap(({ refusals }) => refusals ?? []),
});

export const refuse = (code: ErrorCode, detail: string, path?: string): Refusal => ({
  code,
  detail: short(detail),
  ...(path === undefined ? {} : { path: short(path) }),
});

/** A guest's own words may be of any length, and what is told of it goes into an event. */
const longest = 500;
const short = (text: string) => (text.length > longest ? `${text.slice(0, longest)}…` : text);
const maxConcerns = 50;

/** As many concerns as an event has room for; those that stand in the way first. */
export const fitConcerns = (concerns: readonly Concern[]): Concern[] =>
  concerns.length <= maxConcerns
    ? [...concerns]
    : [
        ...concerns.filter(({ category }) => category === 'critical'),
        ...concerns.filter(({ category }) => category !== 'critical'),
      ].slice(0, maxConcerns);

export const errorOf = ({ code, detail, path }: Refusal) =>
  new TranshipError(code, detail, path === undefined ? {} : { path });

/** A refusal as validation tells it, before anything is powered off. */
export const criticalOf = ({ code, detail, path = 'guest' }: Refusal): Concern => ({
  id: code,
  category: 'critical',
  label: errorCatalogue[code].title,
  why: detail,
  fix: errorCatalogue[code].fix,
  path,
});

/** What does not stand in the way and is told all the same. */
const told = {
  'guest.nic-name': ['warning', 'The name of a NIC may change', 'Bind its configuration to its MAC in the guest'],
  'guest.nic-order': [
    'warning',
    'NICs are told apart by their order alone',
    'Give the addresses of the NICs, or name them by MAC in the guest',
  ],
  'guest.address-differs': [
    'warning',
    'The guest’s files and its reported addresses differ',
    'Nothing, when the files are right: they are what counts',
  ],
  'guest.device-left': [
    'warning',
    'A device was left under a name that may not hold',
    'Name it by UUID in the guest, or take the line out',
  ],
  'guest.encrypted': [
    'information',
    'The guest asks for the key of an encrypted volume at each start, as it did',
    'Nothing: answer at its console (`virtctl vnc` or `virtctl console`), unless it keeps the key itself',
  ],
  'guest.key-bound': [
    'warning',
    'What opens an encrypted volume by itself may not do so after the move',
    'Keep a passphrase at hand, and bind the volume anew on the target: a TPM or a token does not move',
  ],
  'guest.nic-settings': [
    'warning',
    'The settings of a NIC could not be told',
    'Give the addresses of the NICs as vSphere reports them, or set them in the guest after its first start',
  ],
  'guest.driver': ['information', 'A driver was not laid in', 'Install it in the guest, or complete the media folder'],
  'guest.first-start': [
    'information',
    'Part of the conversion is done by Windows itself',
    'Nothing: C:\\Windows\\Tranship\\log.txt tells how it went',
  ],
  'guest.agent': ['information', 'The guest agent was not installed', 'Install qemu-guest-agent in the guest'],
  'guest.agent-later': [
    'information',
    'The guest agent is installed at the first start',
    'Let the guest reach its package sources then, or install qemu-guest-agent in it before the migration',
  ],
  'guest.tools': [
    'information',
    'VMware Tools stay installed',
    'Remove them after the migration: they are not started any more, or do nothing on KVM',
  ],
  'guest.by-v2v': [
    'information',
    'virt-v2v-in-place converts this guest',
    'Nothing: it was tried on a layer over the copy. What it changes is not listed',
  ],
  'guest.cloud-init': [
    'information',
    'cloud-init is kept from writing the network configuration again',
    'Remove /etc/cloud/cloud.cfg.d/99-tranship-network.cfg when it shall again',
  ],
} as const satisfies Record<string, readonly [Concern['category'], string, string]>;

export function concern(id: keyof typeof told, why: string, path = 'guest'): Concern {
  const [category, label, fix] = told[id];
  return { id, category, label, why: short(why), fix, path: short(path) };
}
