/** What one piece of the guest's configuration says of a network interface. */
export interface Mention {
  /** The interface's name; undefined: it is matched by its MAC alone. */
  readonly name?: string;
  /** Lower case with colons; undefined: it is matched by its name. */
  readonly mac?: string;
  /** IP addresses, with or without prefix length. */
  readonly addresses: readonly string[];
  /** The file that says so. */
  readonly file: string;
  /** This very entry gives the NIC with this MAC its name: nothing need be added. */
  readonly names?: boolean;
}

/** A file of the guest, as text. */
export interface TextFile {
  readonly path: string;
  readonly text: string;
}

const isMac = (word: string) => /^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(word);

export const normalMac = (mac: string) => mac.trim().toLowerCase().replaceAll('-', ':');

/** Names of interfaces that are no hardware. */
export const isVirtual = (name: string) =>
  /^(lo|br|bond|team|tun|tap|veth|virbr|docker|dummy|wg|vlan|ppp|sit|gre|ipvlan|macvlan|vxlan|cni|cali|flannel)[-_]?\w*$/.test(
    name,
  ) && !/^(eth|en|wl)/.test(name);

/** `ens192.10` and `ens192:1` stand on `ens192`. */
export const baseName = (name: string) => name.replace(/[.:].*$/, '');

/** Shell patterns and lists name no single interface. */
export const isPattern = (name: string) => /[*?[\]!\s/]/.test(name);

/** What stands on NICs, a bridge, a bond or a VLAN, names them; its address is found at the one NIC below it. */
export function below(ports: readonly string[], addresses: readonly string[], file: string): Mention[] {
  const named = ports.filter((port) => !isMac(port)).map(baseName);
  const real = named.filter((each) => each !== '' && !isPattern(each) && !isVirtual(each));
  return real.map((name) => ({ name, addresses: real.length === 1 ? addresses : [], file }));
}
