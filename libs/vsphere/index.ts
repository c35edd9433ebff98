export { type Login, VSphere, type VSphereOptions } from './client.ts';
export type { ObjectUpdate, PropertySet } from './collector.ts';
export type { Param, Ref } from './control.ts';
export { ExportLease, type LeaseOptions } from './export-lease.ts';
export { VimFault } from './faults.ts';
export type { Metric, Sample } from './performance.ts';
export { type Certificate, fetchCertificate, type TlsTrust } from './transport.ts';
export type { Operation } from './wsdl.ts';
export { list, type Value } from './xml.ts';
