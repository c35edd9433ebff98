import type { StepInput, StepResult } from '@tranship/contracts';

type Nics = StepResult<'watchHealth'>['nics'];

/** What KubeVirt tells of a running VM, as far as we look. */
export interface Instance {
  readonly status?: {
    readonly phase?: string;
    readonly nodeName?: string;
    readonly conditions?: readonly { type: string; status: string; reason?: string; message?: string }[];
    readonly interfaces?: readonly {
      mac?: string;
      interfaceName?: string;
      ipAddress?: string;
      ipAddresses?: string[];
      linkState?: string;
    }[];
  };
}

export interface Health {
  readonly running: boolean;
  /** The guest agent answers. */
  readonly agent: boolean;
  /** The guest agent answers, and every address that is to be kept is there. */
  readonly proven: boolean;
  readonly node: string;
  readonly nics: Nics;
  /** In words, for a person. */
  readonly seen: string;
}

/** Reads a VMI. Addresses behind masquerade are the pod's, so only those of other networks are expected. */
export function health(instance: Instance | undefined, target: StepInput<'watchHealth'>['target']): Health {
  const status = instance?.status;
  const agent = status?.conditions?.some(({ type, status: is }) => type === 'AgentConnected' && is === 'True') ?? false;
  const nics = (status?.interfaces ?? []).flatMap(({ mac, interfaceName, ipAddress, ipAddresses }) =>
    mac === undefined
      ? []
      : [
          {
            mac: mac.toLowerCase(),
            name: interfaceName ?? '',
            addresses: ipAddresses ?? (ipAddress ? [ipAddress] : []),
          },
        ],
  );
  const missing = target.nics.flatMap(({ mac, network, addresses }) => {
    const has = nics.find((nic) => nic.mac === mac.toLowerCase())?.addresses ?? [];
    return network.type === 'pod' ? [] : addresses.map(plain).filter((each) => !has.map(plain).includes(each));
  });
  const running = status?.phase === 'Running';
  const troubles = (status?.conditions ?? []).filter(
    ({ type, status: is }) => is === 'False' && type !== 'LiveMigratable',
  );
  const seen = [
    `the VM is ${status?.phase ?? 'not there'}`,
    agent ? 'the guest agent answers' : 'the guest agent does not answer',
    ...(agent && missing.length > 0 ? [`the guest has no address ${missing.join(', ')}`] : []),
    ...troubles.map(({ type, reason, message }) => `${type}: ${message ?? reason ?? 'False'}`),
  ].join('; ');
  return {
    running,
    agent: running && agent,
    proven: running && agent && missing.length === 0,
    node: status?.nodeName ?? '',
    nics,
    seen,
  };
}

/** An address without its prefix length. */
const plain = (address: string) => address.split('/')[0]!.toLowerCase();

/** Whether every NIC of a running VM has its link up; what KubeVirt does not tell of is up. */
export const linksUp = (instance: Instance | undefined): boolean =>
  (instance?.status?.interfaces ?? []).every(({ linkState }) => linkState !== 'down');
