/** What a guest says of its own boot. */
export interface Report {
  readonly nics: readonly { mac: string; name: string; driver: string; addresses: readonly string[] }[];
  /** Each with its place, type, UUID and subvolume: by what holds, not by the disk's name. */
  readonly mounts: readonly string[];
  readonly swaps: readonly string[];
  /** Whether its gateway answers. */
  readonly ping: boolean;
  readonly failedUnits: readonly string[];
}

/** Reads the marks that the guest's own script wrote. */
export function parseReport(text: string): Report {
  const after = (word: string) =>
    text
      .split('\n')
      .flatMap((line) => (line.startsWith(`MARK ${word}`) ? [line.slice(`MARK ${word}`.length).trim()] : []));
  return {
    nics: after('nic ').map((line) => {
      const [, name = '', mac = '', driver = '', ip = ''] =
        /^name=(\S*) mac=(\S*) driver=(\S*) ip=(.*)$/.exec(line) ?? [];
      return { mac, name, driver, addresses: words(ip) };
    }),
    mounts: after('mount '),
    swaps: after('swap '),
    ping: after('gw=').some((line) => line.endsWith('ping=ok')),
    failedUnits: words(after('failed-units=')[0] ?? ''),
  };
}

const words = (text: string) => text.split(/\s+/).filter((word) => word !== '');
