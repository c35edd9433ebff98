import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { faultOf, toTranshipError, VimFault } from './faults.ts';
import { child, decode, type Element, escapeXml, list, readXml } from './xml.ts';

const xsi = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"';
const read = async (inner: string): Promise<Element> =>
  child(await readXml(Readable.from([`<top ${xsi}>${inner}</top>`])), 'top')!;
const value = async (inner: string) => decode(child(await read(inner), 'val')!);
const val = (type: string, inner: string) => `<val xsi:type="${type}">${inner}</val>`;

const leaves: [string, string, unknown][] = [
  ['text without a type', '<val>a &lt;b&gt; &amp;#38; ü</val>', 'a <b> &#38; ü'],
  ['text of two kinds in one', '<val>a <![CDATA[<b> & c]]> d</val>', 'a <b> & c d'],
  ['blanks, which may be a name', val('xsd:string', '  '), '  '],
  ['nothing', '<val/>', ''],
  ['true, by its number', val('xsd:boolean', '1'), true],
  ['false', val('xsd:boolean', 'false'), false],
  ['a number', val('xsd:long', '107374182400'), 107374182400],
  ['a number of a foreign prefix', val('q:int', '-1'), -1],
  ['digits that are text', val('xsd:string', '007'), '007'],
  ['an enumeration', val('VirtualMachinePowerState', 'poweredOn'), 'poweredOn'],
  ['an object without fields', val('ToolsUnavailable', ''), { $type: 'ToolsUnavailable' }],
  [
    'a reference',
    '<val type="HostSystem" xsi:type="ManagedObjectReference">host-1</val>',
    { type: 'HostSystem', value: 'host-1' },
  ],
  ['a reference without a type of its own', '<val type="Folder">group-v3</val>', { type: 'Folder', value: 'group-v3' }],
];
test.each(leaves)('decode - %s', async (_, xml, expected) => {
  expect(await value(xml)).toEqual(expected);
});

test('decode - a list of none, of one and of many stays a list, of lists too', async () => {
  expect(await value(val('ArrayOfString', ''))).toEqual([]);
  expect(await value(val('ArrayOfString', '<string>a</string>'))).toEqual(['a']);
  const nested = val(
    'Thing',
    '<a xsi:type="ArrayOfInt"><int>1</int></a><a xsi:type="ArrayOfInt"><int>2</int></a><a xsi:type="ArrayOfInt"/>',
  );
  expect(await value(nested)).toEqual({ $type: 'Thing', a: [['1'], ['2'], []] });
});

test('decode - a repeated element becomes a list, a single one does not; `list` takes both', async () => {
  const device = (key: number) => `<device xsi:type="VirtualDisk"><key>${key}</key></device>`;
  const one = (await value(val('Hardware', device(1)))) as { device: object };
  const two = (await value(val('Hardware', device(1) + device(2)))) as { device: object[] };
  expect(one.device).toEqual({ $type: 'VirtualDisk', key: '1' });
  expect(two.device).toHaveLength(2);
  expect([list(undefined), list(1), list([1])]).toEqual([[], [1], [1]]);
});

test('read - elements that are cut out are handed over as they end, and not kept', async () => {
  const seen: string[] = [];
  const parts = ['<top><o>on', 'e</o><keep/><o>tw', 'o</o></t', 'op>'];
  const top = await readXml(Readable.from(parts), new Set(['o']), ({ text }) => seen.push(text));
  expect(seen).toEqual(['one', 'two']);
  expect(top.children[0]!.children.map(({ name }) => name)).toEqual(['keep']);
});

test.each(['', 'Service Unavailable', '<a><b></a>', '<a>', '<a>&bomb;</a>'])('read - %j is no answer', async (text) => {
  await expect(readXml(Readable.from([text]))).rejects.toMatchObject({ code: 'vsphere.fault', retry: true });
});

test('read - signs of more than one byte survive where the network cuts them', async () => {
  const bytes = Buffer.from('<a>größe 漢字 🖥</a>');
  const chunks = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
  const top = await readXml(Readable.from(chunks, { objectMode: false }));
  expect(child(top, 'a')!.text).toBe('größe 漢字 🖥');
});

test('escape - a value cannot leave its place', async () => {
  const nasty = `"><x y='&amp;'>]]>`;
  const top = await readXml(Readable.from([`<a b="${escapeXml(nasty)}">${escapeXml(nasty)}</a>`]));
  expect(child(top, 'a')).toMatchObject({ text: nasty, attributes: { b: nasty } });
});

const soap = (body: string) =>
  readXml(Readable.from([`<s:Envelope xmlns:s="urn:s" ${xsi}><s:Body>${body}</s:Body></s:Envelope>`]));
const faults: [string, string, object | undefined][] = [
  [
    'by its type',
    '<s:Fault><faultstring>no</faultstring><detail><X xsi:type="InvalidState"/></detail></s:Fault>',
    { type: 'InvalidState', message: 'InvalidState: no' },
  ],
  [
    'by its name',
    '<s:Fault><faultstring/><detail><InvalidLoginFault/></detail></s:Fault>',
    { type: 'InvalidLogin', message: 'InvalidLogin' },
  ],
  [
    'without a detail',
    '<s:Fault><faultstring>broken</faultstring></s:Fault>',
    { type: 'SystemError', message: 'SystemError: broken' },
  ],
  [
    'of a privilege',
    '<s:Fault><faultstring>denied</faultstring><detail><NoPermissionFault xsi:type="NoPermission">' +
      '<object type="VirtualMachine">vm-1</object><privilegeId>VApp.Export</privilegeId></NoPermissionFault></detail></s:Fault>',
    { type: 'NoPermission', message: 'NoPermission: denied (VApp.Export)' },
  ],
  ['none', '<LoginResponse><returnval/></LoginResponse>', undefined],
];
test.each(faults)('fault - %s', async (_, body, expected) => {
  const fault = faultOf(await soap(body));
  if (expected) expect(fault).toMatchObject(expected);
  else expect(fault).toBeUndefined();
});

test.each([
  ['InvalidLogin', 'vsphere.login'],
  ['NoPermission', 'vsphere.denied'],
  ['NotAuthenticated', 'vsphere.session'],
  ['RequestCanceled', 'vsphere.session'],
  ['ManagedObjectNotFound', 'vsphere.not-found'],
  ['HostNotConnected', 'vsphere.host-away'],
  ['HostCommunication', 'vsphere.host-away'],
  ['TaskInProgress', 'vsphere.fault'],
])('fault - %s means %s', (type, code) => {
  const error = toTranshipError(new VimFault(type, 'why'), 'what');
  expect(error).toMatchObject({ code, detail: `what: ${type}: why` });
});
