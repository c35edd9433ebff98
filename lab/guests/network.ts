export const managers = ['ifupdown', 'networkd', 'netplan', 'NetworkManager'] as const;
export type Manager = (typeof managers)[number];

/** A NIC as the guest's own files configure it. */
export interface GuestNic {
  readonly name: string;
  /** With prefix lengths; none: by DHCP where `dhcp`, else it is only up. */
  readonly addresses: readonly string[];
  readonly gateway?: string | undefined;
  readonly dhcp?: boolean;
}

/** A file's text by its path. */
export type Files = Readonly<Record<string, string>>;

const lines = (...each: readonly (string | readonly string[])[]) => `${each.flat().join('\n')}\n`;
const isV6 = (address: string) => address.includes(':');

const writers: Readonly<Record<Manager, (nics: readonly GuestNic[]) => Files>> = {
  ifupdown: (nics) => ({
    '/etc/network/interfaces': ['auto lo\niface lo inet loopback\n', ...nics.map(stanzas)].join('\n'),
  }),
  networkd: (nics) =>
    Object.fromEntries(
      nics.map(({ name, addresses, gateway, dhcp }) => [
        `/etc/systemd/network/20-${name}.network`,
        lines(
          ['[Match]', `Name=${name}`, '', '[Network]', 'IPv6AcceptRA=no', ...(dhcp ? ['DHCP=ipv4'] : [])],
          addresses.map((address) => `Address=${address}`),
          gateway ? [`Gateway=${gateway}`] : [],
        ),
      ]),
    ),
  netplan: (nics) => ({
    '/etc/netplan/01-lab.yaml': lines(
      ['network:', '  version: 2', '  renderer: networkd', '  ethernets:'],
      nics.flatMap(({ name, addresses, gateway, dhcp }) => [
        `    ${name}:`,
        '      accept-ra: false',
        ...(dhcp ? ['      dhcp4: true'] : []),
        ...(addresses.length > 0 ? [`      addresses: [${addresses.map((each) => `"${each}"`).join(', ')}]`] : []),
        ...(gateway ? [`      routes: [{to: default, via: ${gateway}}]`] : []),
      ]),
    ),
  }),
  NetworkManager: (nics) =>
    Object.fromEntries(
      nics.map(({ name, addresses, gateway, dhcp }) => {
        const [v4, v6] = [addresses.filter((each) => !isV6(each)), addresses.filter(isV6)];
        const family = (own: readonly string[], method: string) => [
          `method=${own.length > 0 ? 'manual' : method}`,
          ...own.map(
            (address, i) => `address${i + 1}=${address}${i === 0 && gateway && !isV6(address) ? `,${gateway}` : ''}`,
          ),
        ];
        return [
          `/etc/NetworkManager/system-connections/${name}.nmconnection`,
          lines(
            [
              '[connection]',
              `id=${name}`,
              `uuid=8f0e1c1a-0000-4000-8000-${hex(name)}`,
              'type=ethernet',
              `interface-name=${name}`,
            ],
            ['', '[ipv4]', ...family(v4, dhcp ? 'auto' : 'disabled'), '', '[ipv6]', ...family(v6, 'disabled')],
          ),
        ];
      }),
    ),
};

function stanzas({ name, addresses, gateway, dhcp }: GuestNic): string {
  if (dhcp) return `auto ${name}\niface ${name} inet dhcp\n`;
  if (addresses.length === 0) return `auto ${name}\niface ${name} inet manual\n`;
  return [
    `auto ${name}`,
    ...addresses.map((address) => {
      const family = isV6(address) ? 'inet6' : 'inet';
      const via = gateway && !isV6(address) ? `    gateway ${gateway}\n` : '';
      return `iface ${name} ${family} static\n    address ${address}\n${via}`;
    }),
  ].join('\n');
}

const hex = (text: string) => Buffer.from(text.padEnd(6)).toString('hex').slice(0, 12);

/** The files by which a guest's network manager gives its NICs their addresses. */
export const networkFiles = (manager: Manager, nics: readonly GuestNic[]): Files => writers[manager](nics);

/** The files that give a guest its host name. */
export const naming = (name: string): Files => ({
  '/etc/hostname': `${name}\n`,
  '/etc/hosts': `127.0.0.1 localhost ${name}\n`,
});
