import { normalMac } from '../network/mention.ts';
import { type Nic, plainAddress } from '../nic-names.ts';
import { controlSets, type WindowsFacts } from './facts.ts';
import type { Hive } from './hive.ts';
import { texts } from './registry.ts';

/** A network interface that Windows has known, by its own id. */
export interface Interface {
  /** `{8-4-4-4-12}` */
  readonly id: string;
  /** What persistent addresses and routes of the IP stack are kept under: 16 hex digits, lower case. */
  readonly luid?: string;
  readonly mac?: string;
  /** The connection's name. */
  readonly name: string;
  /** Set by hand, with the prefix length where it is known. */
  readonly addresses: readonly string[];
}

const netClass = '{4d36e972-e325-11ce-bfc1-08002be10318}';
const isId = (id: unknown): id is string =>
  typeof id === 'string' && /^\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\}$/i.test(id);
const ipv6Stack = '{eb004a01-9b1a-11d4-9123-0050047759bc}';
const ethernet = 6;
/** Of interfaces, of the addresses of one family that one has, and of the letters of its name. */
const [maxInterfaces, maxAddresses, maxName] = [200, 512, 256];

/** The interfaces of real or virtual hardware, also of such as is gone. */
export function interfaces(facts: Pick<WindowsFacts, 'system'>): Interface[] {
  const { system } = facts;
  const [set] = controlSets(facts);
  if (set === undefined) return [];
  const below = `${set}\\Control\\Class\\${netClass}`;
  const numbers = system.keys(below).slice(0, maxInterfaces);
  return numbers.flatMap((number): Interface[] => {
    const value = (name: string) => system.value(`${below}\\${number}`, name);
    const id = value('NetCfgInstanceId');
    const [component, index] = [value('ComponentId') ?? value('MatchingDeviceId'), value('NetLuidIndex')];
    if (!isId(id) || !/^pci\\/i.test(String(component))) return [];
    const luid = typeof index === 'number' ? luidOf(index, Number(value('*IfType') ?? ethernet)) : undefined;
    const mac = macOf(system, `${set}\\Control\\NetworkSetup2\\Interfaces\\${id}\\Kernel`);
    const name = system.value(`${set}\\Control\\Network\\${netClass}\\${id}\\Connection`, 'Name');
    return [
      {
        id,
        ...(luid === undefined ? {} : { luid }),
        ...(mac === undefined ? {} : { mac }),
        name: typeof name === 'string' ? name.slice(0, maxName) : '',
        addresses: [
          ...ipv4(system, `${set}\\Services\\Tcpip\\Parameters\\Interfaces\\${id}`).slice(0, maxAddresses),
          ...ipv6(system, set, luid).slice(0, maxAddresses),
        ],
      },
    ];
  });
}

/** A NET_LUID as its bytes lie in memory: three of no meaning, three of the index, two of the kind. */
export function luidOf(index: number, kind: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeUIntLE(index & 0xffffff, 3, 3);
  bytes.writeUInt16LE(kind & 0xffff, 6);
  return bytes.toString('hex');
}

function macOf(system: Hive, key: string): string | undefined {
  // The NIC's own; the guest may have set another one.
  for (const name of ['PermanentAddress', 'CurrentAddress']) {
    const { data } = system.raw(key, name) ?? {};
    if (data?.length === 6 && data.some((byte) => byte !== 0))
      return normalMac(data.toString('hex').replace(/..(?=.)/g, '$&:'));
  }
  return undefined;
}

function ipv4(system: Hive, key: string): string[] {
  if (system.value(key, 'EnableDHCP') !== 0) return [];
  const list = (name: string) => {
    const value = system.raw(key, name);
    return value?.type === 7 ? texts(value) : [];
  };
  const masks = list('SubnetMask');
  return list('IPAddress').flatMap((address, i) => {
    if (address === '0.0.0.0') return [];
    const length = prefixOf(masks[i] ?? '');
    return [length === undefined ? address : `${address}/${length}`];
  });
}

function prefixOf(mask: string): number | undefined {
  const bits = mask
    .split('.')
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('');
  return /^1*0*$/.test(bits) && bits.length === 32 ? bits.replaceAll('0', '').length : undefined;
}

/** Each is a value whose name is the interface's LUID and the address. */
function ipv6(system: Hive, set: string, luid: string | undefined): string[] {
  if (luid === undefined) return [];
  return system.values(`${set}\\Control\\Nsi\\${ipv6Stack}\\10`).flatMap((name) => {
    const [, own, address] = /^([0-9a-f]{16})([0-9a-f]{32})$/.exec(name.toLowerCase()) ?? [];
    if (own !== luid || address === undefined || address.startsWith('fe8')) return [];
    return [plainAddress(address.replace(/.{4}(?=.)/g, '$&:'))];
  });
}

/** Which interface each NIC of the VM is, by its MAC, or by an address that one of each has, or the only ones that are left. */
export function matchNics(nics: readonly Nic[], known: readonly Interface[]): Map<string, Interface> {
  const found = new Map<string, Interface>();
  const taken = () => new Set([...found.values()].map(({ id }) => id));
  const free = () => known.filter(({ id, mac }) => !taken().has(id) && mac === undefined);
  const shares = (nic: Nic, { addresses }: Interface) => {
    const own = new Set(nic.addresses.map(plainAddress));
    return addresses.some((address) => own.has(plainAddress(address)));
  };
  for (const nic of nics) {
    const mac = normalMac(nic.mac);
    const own = known.filter((each) => each.mac === mac);
    // An earlier adapter of the same MAC may have left its settings.
    const best = own.length > 1 ? own.filter((each) => shares(nic, each)) : own;
    if (best.length === 1) found.set(mac, best[0]!);
  }
  const open = () =>
    nics.filter(({ mac }) => !found.has(normalMac(mac)) && !known.some((each) => each.mac === normalMac(mac)));
  for (const nic of open()) {
    const own = free().filter((each) => shares(nic, each));
    const [only] = own;
    if (only && own.length === 1 && open().filter((each) => shares(each, only)).length === 1)
      found.set(normalMac(nic.mac), only);
  }
  const [nicsLeft, left] = [open(), free()];
  if (nicsLeft.length === 1 && left.length === 1) found.set(normalMac(nicsLeft[0]!.mac), left[0]!);
  return found;
}
