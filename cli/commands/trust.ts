import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type ProviderSpec, queries } from '@tranship/contracts';
import type { Api } from '../api.ts';
import { CliError, exits, usage } from '../errors.ts';
import type { Terminal } from '../terminal.ts';

type Tls = ProviderSpec['tls'];

export interface Certificate {
  readonly pem: string;
  readonly subject: string;
  readonly issuer: string;
  readonly validTo: string;
  readonly sha1: string;
  readonly sha256: string;
}

/** The certificate that a server shows to the gateway. */
export async function fetchTrust(api: Api, url: string): Promise<Certificate> {
  const { pem, thumbprint, sha256 } = await api.send('POST', ['fetch-ca'], queries.fetchCa.result, { body: { url } });
  const { subject, issuer, validTo } = new X509Certificate(pem);
  const oneLine = (name: string) => name.replaceAll('\n', ', ');
  return { pem, subject: oneLine(subject), issuer: oneLine(issuer), validTo, sha1: thumbprint, sha256 };
}

export const trustLines = ({ subject, issuer, validTo, sha1, sha256 }: Certificate): string[] => [
  `subject  ${subject}`,
  `issuer   ${issuer}`,
  `valid to ${validTo}`,
  `SHA-1    ${sha1}`,
  `SHA-256  ${sha256}`,
];

/** Shows a certificate and asks whether it is the right one. @throws CliError when the answer is no, or nobody is there to give it */
export async function askTrust(api: Api, terminal: Terminal, url: string, yes: boolean): Promise<Tls> {
  const certificate = await fetchTrust(api, url);
  for (const line of trustLines(certificate)) terminal.error(line);
  const sure = yes || (await terminal.confirm('Is this the certificate that its administrator knows?'));
  if (sure === undefined) throw usage('nobody is there to compare it: look at the fingerprints and give --yes');
  if (!sure) throw new CliError('the certificate is not trusted; nothing was changed', { exit: exits.failed });
  return { ca: certificate.pem, thumbprint: certificate.sha1, insecureSkipVerify: false };
}

export function readTrust(file: string): Tls {
  try {
    return { ca: readFileSync(file, 'utf8'), insecureSkipVerify: false };
  } catch (error) {
    throw usage(`--ca-file: cannot read ${file} (${(error as NodeJS.ErrnoException).code})`);
  }
}
