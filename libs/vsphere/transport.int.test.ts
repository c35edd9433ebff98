import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { fetchCertificate, type TlsTrust, VSphere } from './index.ts';
import { startVCenter, type VCenter } from './testing/vcenter.ts';

let vcenter: VCenter;
let dir: string;
const servers: Server[] = [];

beforeAll(async () => {
  vcenter = await startVCenter({ vms: [{ name: 'web-01' }] });
  dir = mkdtempSync(join(tmpdir(), 'transport-'));
  const names = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', join(dir, 'own.key')];
  execFileSync('openssl', ['req', '-x509', ...key, ...names, '-out', join(dir, 'own.crt')], { stdio: 'ignore' });
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});
afterAll(async () => {
  rmSync(dir, { recursive: true, force: true });
  await vcenter?.stop();
});

/** A server that holds this certificate, and all that it is told. */
async function listen(pair: string, answer: (socket: TLSSocket) => void = () => {}) {
  const [cert, key] = ['crt', 'key'].map((end) => readFileSync(`${pair}.${end}`));
  const told = { connections: 0, text: '' };
  const server = createServer({ cert, key }, (socket) => {
    told.connections++;
    socket.on('error', () => {});
    socket.on('data', (data) => {
      told.text += data.toString();
      answer(socket);
    });
  });
  server.on('tlsClientError', () => {});
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as { port: number };
  return { url: `https://127.0.0.1:${port}/sdk`, told };
}

const stranger = () => listen(join(dir, 'own'));
const open = (trust: TlsTrust, url = vcenter.url) =>
  new VSphere({ url, trust, login: async () => ({ username: vcenter.username, password: vcenter.password }) });

async function about(trust: TlsTrust, url?: string) {
  const client = open(trust, url);
  return client.about().finally(() => client.close());
}

test('trust - the authority given, the thumbprint given, or nobody asked', async () => {
  const accepted: TlsTrust[] = [
    { ca: vcenter.ca },
    { thumbprint: vcenter.thumbprint },
    { thumbprint: vcenter.thumbprint.toLowerCase().replaceAll(':', '') },
    { insecureSkipVerify: true },
  ];
  for (const trust of accepted) expect((await about(trust)).apiVersion).toMatch(/^\d/);
});

const other = '00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33';
const refusals: [string, (ca: string) => TlsTrust][] = [
  ['an authority that the machine does not know', () => ({})],
  ['not the authority given', (ca) => ({ ca })],
  ['not the thumbprint given', () => ({ thumbprint: other })],
  [
    'not the thumbprint given, though nobody else would be asked',
    () => ({ thumbprint: other, insecureSkipVerify: true }),
  ],
];
test.each(refusals)('trust - %s: nothing is sent, and nothing is shown', async (_, trust) => {
  const { url, told } = await stranger();
  await expect(about(trust(vcenter.ca), url)).rejects.toMatchObject({ code: 'vsphere.certificate', retry: false });
  await expect(open(trust(vcenter.ca), url).certificate()).rejects.toMatchObject({ code: 'vsphere.certificate' });
  expect(told.text).toBe('');
});

test('trust - one of the authority, but for another name or another use, is refused', async () => {
  for (const name of ['kubelet', 'admin']) {
    const { url, told } = await listen(join(vcenter.dir, 'pki', name));
    const wrong = url.replace('127.0.0.1', name === 'kubelet' ? 'localhost' : '127.0.0.1');
    await expect(about({ ca: vcenter.ca }, wrong)).rejects.toMatchObject({ code: 'vsphere.certificate' });
    expect(told.text).toBe('');
  }
});

test('certificate - what is shown comes from whom the trust accepts; for a person to compare, from anybody', async () => {
  const shown = await open({ ca: vcenter.ca }).certificate();
  expect(shown.thumbprint).toBe(vcenter.thumbprint);
  expect(await fetchCertificate(vcenter.url)).toEqual(shown);
  const { url } = await stranger();
  const pem = readFileSync(join(dir, 'own.crt'), 'utf8');
  expect(await fetchCertificate(url)).toMatchObject({ pem });
  expect((await open({ insecureSkipVerify: true }, url).certificate()).pem).toBe(pem);
});

test('reach - nobody listens, or nobody who speaks TLS: unreachable, with the host and a reason', async () => {
  const deaf = createPlain((socket) =>
    socket
      .on('error', () => {})
      .resume()
      .end('220 mail\r\n'),
  );
  await once(deaf.listen(0, '127.0.0.1'), 'listening');
  const { port } = deaf.address() as { port: number };
  const unreachable = (host: string) => ({
    code: 'vsphere.unreachable',
    retry: true,
    detail: expect.stringMatching(`^${host}:${port}: .+`),
  });
  await expect(about({ ca: vcenter.ca }, `https://127.0.0.1:${port}/sdk`)).rejects.toMatchObject(
    unreachable('127.0.0.1'),
  );
  await new Promise((done) => deaf.close(done));
  for (const host of ['127.0.0.1', 'localhost']) {
    const url = `https://${host}:${port}/sdk`;
    await expect(about({ ca: vcenter.ca }, url)).rejects.toMatchObject(unreachable(host));
    await expect(fetchCertificate(url)).rejects.toMatchObject(unreachable(host));
  }
});

const answers: [string, string, string][] = [
  ['is cut off', 'HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n<a>', 'vsphere.unreachable'],
  ['is a page of a proxy', 'HTTP/1.1 503 Down\r\ncontent-length: 10\r\n\r\n<p>down<br', 'vsphere.fault'],
  ['is empty', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n', 'vsphere.fault'],
];
test.each(answers)('answer - one that %s may be tried again', async (_, text, code) => {
  const { url } = await listen(join(vcenter.dir, 'pki/vcenter'), (socket) => socket.end(text));
  await expect(about({ ca: vcenter.ca }, url)).rejects.toMatchObject({ code, retry: true });
});
