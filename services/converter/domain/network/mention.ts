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
