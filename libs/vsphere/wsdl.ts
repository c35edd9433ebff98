/** The slice of the vim25 API that control calls need, as a table: operation -> parameters in schema order; `*`: any number of them. */
export const operations = {
  RetrieveServiceContent: [],
  Login: ['userName:string', 'password:string'],
  Logout: [],
  CurrentTime: [],
  HasPrivilegeOnEntities: ['entity:ref*', 'sessionId:string', 'privId:string*'],
  PowerOnVM_Task: ['host:ref'],
  PowerOffVM_Task: [],
  ShutdownGuest: [],
  CreateSnapshot_Task: ['name:string', 'description:string', 'memory:boolean', 'quiesce:boolean'],
  ReconfigVM_Task: ['spec:configSpec'],
  ConsolidateVMDisks_Task: [],
  RemoveSnapshot_Task: ['removeChildren:boolean', 'consolidate:boolean'],
  QueryEvents: ['filter:eventFilter'],
  RefreshDatastore: [],
  QueryPerf: ['querySpec:perfQuery'],
  ExportVm: [],
  ExportSnapshot: [],
  HttpNfcLeaseProgress: ['percent:int'],
  HttpNfcLeaseComplete: [],
  HttpNfcLeaseAbort: [],
  QueryChangedDiskAreas: ['snapshot:ref', 'deviceKey:int', 'startOffset:long', 'changeId:string'],
} as const satisfies Record<string, readonly string[]>;
export type Operation = keyof typeof operations;

const own: Readonly<Record<string, string>> = {
  ref: 'v:ManagedObjectReference',
  configSpec: 'v:VirtualMachineConfigSpec',
  eventFilter: 'v:EventFilterSpec',
  perfQuery: 'v:PerfQuerySpec',
};
const typeOf = (kind: string) => own[kind] ?? `xsd:${kind}`;

function element(name: string, params: readonly string[]): string {
  const fields = ['_this:ref', ...params].map((param) => {
    const [, field, kind, many] = /^(\w+):(\w+)(\*?)$/.exec(param) as unknown as [string, string, string, string];
    return `<element name="${field}" type="${typeOf(kind)}" minOccurs="0"${many && ' maxOccurs="unbounded"'}/>`;
  });
  return (
    `<element name="${name}"><complexType><sequence>${fields.join('')}</sequence></complexType></element>` +
    `<element name="${name}Response"><complexType><sequence><element name="returnval" type="xsd:anyType" minOccurs="0"/></sequence></complexType></element>`
  );
}

/** The WSDL of the table: vSphere serves its own only by its licence, and we need a dozen operations of six hundred. */
export function wsdl(): string {
  const names = Object.keys(operations) as Operation[];
  const messages = names.flatMap((n) => [
    `<message name="${n}In"><part name="parameters" element="v:${n}"/></message>`,
    `<message name="${n}Out"><part name="parameters" element="v:${n}Response"/></message>`,
  ]);
  const ports = names.map(
    (n) => `<operation name="${n}"><input message="v:${n}In"/><output message="v:${n}Out"/></operation>`,
  );
  const bindings = names.map(
    (n) =>
      `<operation name="${n}"><soap:operation soapAction="urn:vim25/6.7" style="document"/><input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation>`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:v="urn:vim25" targetNamespace="urn:vim25">
<types><schema xmlns="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:vim25" elementFormDefault="qualified">
<complexType name="ManagedObjectReference"><simpleContent><extension base="xsd:string"><attribute name="type" type="xsd:string"/></extension></simpleContent></complexType>
<complexType name="EventFilterSpecByEntity"><sequence><element name="entity" type="v:ManagedObjectReference"/><element name="recursion" type="xsd:string"/></sequence></complexType>
<complexType name="EventFilterSpec"><sequence><element name="entity" type="v:EventFilterSpecByEntity"/><element name="eventTypeId" type="xsd:string" minOccurs="0" maxOccurs="unbounded"/></sequence></complexType>
<complexType name="PerfMetricId"><sequence><element name="counterId" type="xsd:int"/><element name="instance" type="xsd:string"/></sequence></complexType>
<complexType name="PerfQuerySpec"><sequence><element name="entity" type="v:ManagedObjectReference"/><element name="maxSample" type="xsd:int"/><element name="metricId" type="v:PerfMetricId" maxOccurs="unbounded"/><element name="intervalId" type="xsd:int"/></sequence></complexType>
<complexType name="VirtualMachineConfigSpec"><sequence><element name="changeTrackingEnabled" type="xsd:boolean" minOccurs="0"/></sequence></complexType>
${names.map((n) => element(n, operations[n])).join('\n')}
</schema></types>
${messages.join('')}
<portType name="VimPort">${ports.join('')}</portType>
<binding name="VimBinding" type="v:VimPort"><soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>${bindings.join('')}</binding>
<service name="Vim"><port name="VimPort" binding="v:VimBinding"><soap:address location="https://localhost/sdk"/></port></service>
</definitions>`;
}
