import { TranshipError } from '@tranship/contracts';
import { child, type Element } from './xml.ts';

/** A fault of vSphere, by its type (`InvalidState`, `NotAuthenticated` …). */
export class VimFault extends Error {
  override readonly name = 'VimFault';
  readonly type: string;

  constructor(type: string, message: string) {
    super(message ? `${type}: ${message}` : type);
    this.type = type;
  }
}

/** The fault in a SOAP body, if there is one. */
export function faultOf(envelope: Element): VimFault | undefined {
  const fault = child(child(child(envelope, 'Envelope'), 'Body'), 'Fault');
  if (!fault) return undefined;
  const detail = child(fault, 'detail')?.children[0];
  const type = detail?.type ?? detail?.name.replace(/Fault$/, '') ?? 'SystemError';
  const said = child(fault, 'faultstring')?.text ?? '';
  // Of NoPermission: which one is missing.
  const privilege = detail && child(detail, 'privilegeId')?.text;
  return new VimFault(type, privilege ? `${said} (${privilege})` : said);
}

/** What a person is told of a fault. */
export function toTranshipError(fault: VimFault, what: string): TranshipError {
  const detail = `${what}: ${fault.message}`;
  switch (fault.type) {
    case 'InvalidLogin':
      return new TranshipError('vsphere.login', detail, { cause: fault });
    case 'NoPermission':
      return new TranshipError('vsphere.denied', detail, { cause: fault });
    case 'NotAuthenticated':
    // A wait whose session ends under it.
    case 'RequestCanceled':
      return new TranshipError('vsphere.session', detail, { cause: fault });
    case 'ManagedObjectNotFound':
      return new TranshipError('vsphere.not-found', detail, { cause: fault });
    // vCenter answers, but not the host that the VM is at.
    case 'HostCommunication':
    case 'HostNotConnected':
    case 'HostNotReachable':
      return new TranshipError('vsphere.host-away', detail, { cause: fault });
    default:
      return new TranshipError('vsphere.fault', detail, { cause: fault });
  }
}
