import { type Facts, filesBelow } from '../facts.ts';
import { linkFile, type NamedNic } from '../nic-names.ts';
import { paths } from '../paths.ts';
import { lastOf, parseIni, type Section, valuesOf } from './ini.ts';
import { normalMac } from './mention.ts';

/** These our own file decides. */
const ours = /^(Name|NamePolicy|AlternativeNamesPolicy|MACAddressPolicy)$/;
/** In this order: the first comes before all files but those that mean to be before everything. */
const prefixes = ['10-tranship', '0-tranship', '-tranship'];

/** The .link file that keeps a NIC's name: systemd.link(5) applies the first that matches, by name, and no other, so it takes over what that one sets. */
export function keepingLink(facts: Pick<Facts, 'files'>, nic: NamedNic): { path: string; text: string } {
  const links = filesBelow(facts, paths.networkd, '.link').map(({ path, text }) => ({ path, ini: parseIni(text) }));
  const first = links.find(({ ini }) => isApplied(ini, nic));
  const settings = first?.ini
    .filter(({ name }) => name === 'Link')
    .flatMap(({ values }) => [...values].filter(([key]) => !ours.test(key)))
    .flatMap(([key, all]) => all.map((value) => `${key}=${value}`));
  const path = (prefix: string) => `${paths.networkd}/${prefix}-${nic.name}.link`;
  // What matches by the hardware of VMware matches nothing on KVM.
  const rivals = links.filter(({ ini }) => isApplied(ini, nic) && !isByHardware(ini));
  const prefix = prefixes.find((each) => rivals.every((link) => path(each) <= link.path)) ?? prefixes.at(-1)!;
  return { path: path(prefix), text: linkFile(nic, settings) };
}

const words = (ini: readonly Section[], key: string) =>
  valuesOf(ini, 'Match', key).flatMap((value) => value.split(/\s+/));
const isByHardware = (ini: readonly Section[]) => words(ini, 'Path').length + words(ini, 'Driver').length > 0;

/** Whether it was applied to the NIC on VMware, as far as its match tells. */
function isApplied(ini: readonly Section[], { mac, name }: NamedNic): boolean {
  const macs = [...words(ini, 'MACAddress'), ...words(ini, 'PermanentMACAddress')];
  if (macs.length > 0) return macs.some((each) => normalMac(each) === mac);
  const named = words(ini, 'OriginalName');
  if (named.length > 0) return named.some((each) => /^(\*|eth\*|e\*)$/.test(each));
  // One of a certain place, or of a driver that several have, is known by the name that it gives.
  return !isByHardware(ini) || lastOf(ini, 'Link', 'Name') === name;
}
