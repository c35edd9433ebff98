import type { Ref, SourceVm } from '@tranship/contracts';
import { deviceKinds, disksOf, type Names, nicsOf } from './devices.ts';
import { many, number, object, refId, text, truth, type Vim } from './vim.ts';

/** The properties of a VirtualMachine that the model is made from. */
export const vmProperties = [
  'name',
  'parent',
  'runtime.powerState',
  'runtime.connectionState',
  'runtime.host',
  'config.template',
  'config.uuid',
  'config.instanceUuid',
  'config.guestId',
  'config.guestFullName',
  'config.firmware',
  'config.bootOptions',
  'config.changeTrackingEnabled',
  'capability.changeTrackingSupported',
  'config.hardware',
  'guest.toolsRunningStatus',
  'guest.hostName',
  'guest.net',
  'guest.ipStack',
  'snapshot',
] as const;

export interface Place extends Names {
  host(id: string): string | undefined;
  /** Inventory path of a folder: `/DC0/vm/web`. */
  path(folder: string | undefined): string;
}

/** One VM of the model; `undefined` while its configuration is not readable. */
export function toSourceVm(id: string, p: Vim, place: Place): SourceVm | undefined {
  const hardware = object(p['config.hardware']);
  const name = text(p.name);
  if (!hardware || name === undefined) return undefined;
  const devices = many(hardware.device);
  const host = refId(p['runtime.host']);
  const stack = many(p['guest.ipStack']);
  return {
    id,
    name: plainName(name),
    path: `${place.path(refId(p.parent))}/${name}`,
    ...optional('uuid', text(p['config.instanceUuid'])),
    ...optional('biosUuid', text(p['config.uuid'])),
    template: truth(p['config.template']),
    powerState: (text(p['runtime.powerState']) ?? 'poweredOff') as SourceVm['powerState'],
    connectionState: text(p['runtime.connectionState']) ?? 'connected',
    ...optional('host', host === undefined ? undefined : ({ id: host, name: place.host(host) ?? host } satisfies Ref)),
    cpus: number(hardware.numCPU) ?? 1,
    coresPerSocket: number(hardware.numCoresPerSocket) || 1,
    memoryMB: number(hardware.memoryMB) ?? 1,
    firmware: p['config.firmware'] === 'efi' ? 'efi' : 'bios',
    secureBoot: truth(object(p['config.bootOptions'])?.efiSecureBootEnabled),
    guestId: text(p['config.guestId']) ?? '',
    guestName: text(p['config.guestFullName']) ?? '',
    ...optional('hostName', text(p['guest.hostName'])),
    toolsRunning: p['guest.toolsRunningStatus'] === 'guestToolsRunning',
    ...optional(
      'gateway',
      stack.map(gatewayOf).find((each) => each !== undefined),
    ),
    dns: stack.flatMap((each) => strings(object(each.dnsConfig)?.ipAddress)),
    disks: disksOf(devices, place),
    nics: nicsOf(devices, many(p['guest.net']), place),
    snapshots: countSnapshots(many(object(p.snapshot)?.rootSnapshotList)),
    changeTracking: truth(p['config.changeTrackingEnabled']),
    ...optional('changeTrackingSupported', told(p['capability.changeTrackingSupported'])),
    devices: deviceKinds(devices),
  };
}

/** vSphere writes three signs of a name as escapes. */
const plainName = (name: string) => name.replace(/%2f/gi, '/').replace(/%5c/gi, '\\').replace(/%25/g, '%');

const optional = <K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } =>
  value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
/** What is not told is not known. */
const told = (value: unknown): boolean | undefined => (value === undefined ? undefined : truth(value));
const strings = (value: unknown): string[] =>
  (Array.isArray(value) ? value : value === undefined ? [] : [value]).filter((each) => typeof each === 'string');

function gatewayOf(stack: Vim): string | undefined {
  const route = many(object(stack.ipRouteConfig)?.ipRoute).find((each) => number(each.prefixLength) === 0);
  return text(object(route?.gateway)?.ipAddress);
}

const countSnapshots = (tree: readonly Vim[]): number =>
  tree.reduce((sum, each) => sum + 1 + countSnapshots(many(each.childSnapshotList)), 0);
