import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { TranshipError } from '@tranship/contracts';

/** How the server's certificate is judged: by an authority, by its SHA-1 thumbprint, or (never by default) not at all. */
export interface TlsTrust {
  ca?: string | undefined;
  thumbprint?: string | undefined;
  insecureSkipVerify?: boolean | undefined;
}

const connectMs = 10_000;
const certificateCodes =
  /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|ERR_TLS_CERT|HOSTNAME_MISMATCH|INVALID_|PATH_LENGTH|ERROR_IN_CERT)/;
const normal = (thumbprint: string) => thumbprint.toUpperCase().replace(/[^0-9A-F]/g, '');

/** HTTPS to one vCenter: one agent, every answer with a deadline, the certificate judged before a byte is sent. */
export class Transport {
  readonly url: URL;
  readonly #trust: TlsTrust;
  readonly #agent: Agent;
  #cookie: string | undefined;

  constructor(url: string, trust: TlsTrust) {
    this.url = new URL(url);
    this.#trust = trust;
    this.#agent = new PinningAgent(trust);
  }

  /** Posts a SOAP envelope. @throws TranshipError vsphere.unreachable, vsphere.certificate */
  post(body: string, deadlineMs: number, signal?: AbortSignal): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const outgoing = request(this.url, {
      method: 'POST',
      agent: this.#agent,
      signal: signal ? AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]) : AbortSignal.timeout(deadlineMs),
      headers: {
        'content-type': 'text/xml; charset=utf-8',
        'content-length': Buffer.byteLength(body),
        soapaction: 'urn:vim25/6.7',
        ...(this.#cookie === undefined ? {} : { cookie: this.#cookie }),
      },
    });
    outgoing.once('error', (error) => reject(signal?.aborted ? signal.reason : this.#wrap(error, deadlineMs)));
    outgoing.once('response', (response) => {
      const [cookie] = response.headers['set-cookie'] ?? [];
      if (cookie) this.#cookie = cookie.split(';')[0];
      resolve(response);
    });
    outgoing.end(body);
    return promise;
  }

  /** The certificate that the server shows now, judged like every other connection of ours: a stranger's is never given. */
  certificate(): Promise<Certificate> {
    return shown(this.url, (options) => judged(options, this.#trust));
  }

  /**
   * Downloads from one of vCenter's hosts, whose certificate is judged by the trust given; `*` in the address stands for
   * vCenter itself, which alone is shown the session. The address holds a ticket: no error tells it.
   * @throws TranshipError vsphere.unreachable, vsphere.certificate
   */
  download(address: string, trust: TlsTrust, deadlineMs: number, signal: AbortSignal): Promise<IncomingMessage> {
    const url = new URL(address.replace('//*', `//${this.url.hostname}`));
    const cookie = url.host === this.url.host && this.#cookie !== undefined ? { cookie: this.#cookie } : {};
    const agent = new PinningAgent(trust);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const outgoing = request(url, { agent, signal, headers: cookie });
    const late = setTimeout(() => outgoing.destroy(new Error(`no answer within ${deadlineMs / 1000} s`)), deadlineMs);
    outgoing.on('error', (error) => reject(signal.aborted ? signal.reason : tell(url.host, error)));
    outgoing.once('response', resolve);
    outgoing.once('close', () => agent.destroy());
    outgoing.end();
    return promise.finally(() => clearTimeout(late));
  }

  /** Forgets the session's cookie. */
  forget(): void {
    this.#cookie = undefined;
  }

  close(): void {
    this.#agent.destroy();
  }

  #wrap(error: Error, deadlineMs: number): TranshipError {
    const late = error.name === 'TimeoutError' || error.name === 'AbortError';
    return tell(this.url.host, late ? new Error(`no answer within ${deadlineMs / 1000} s`) : error);
  }
}

/** Only the message is taken over: the error of a request may hold its headers. */
function tell(host: string, error: Error & { code?: string }): TranshipError {
  if (error instanceof TranshipError) return error;
  const code = certificateCodes.test(error.code ?? '') ? 'vsphere.certificate' : 'vsphere.unreachable';
  // Of several addresses that all refuse, Node tells the code alone.
  return new TranshipError(code, `${host}: ${error.message || error.code}`);
}

class PinningAgent extends Agent {
  readonly #trust: TlsTrust;

  constructor(trust: TlsTrust) {
    super({ keepAlive: true, maxSockets: 16 });
    this.#trust = trust;
  }

  override createConnection(
    options: ConnectionOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): null {
    judged(options, this.#trust).then(
      (socket) => callback?.(null, socket),
      (error: Error) => callback?.(error, undefined as never),
    );
    return null;
  }
}

/** Connects; the socket is given only when the trust accepts what the server shows. */
function judged(options: ConnectionOptions, { ca, thumbprint, insecureSkipVerify }: TlsTrust): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const socket = connect({
    ...options,
    ...(ca === undefined ? {} : { ca }),
    rejectUnauthorized: thumbprint === undefined && !insecureSkipVerify,
    timeout: connectMs,
  });
  const fail = (error: Error) => {
    socket.destroy();
    reject(error);
  };
  socket.once('timeout', () => fail(new Error(`no answer within ${connectMs / 1000} s`)));
  socket.once('error', fail);
  socket.once('secureConnect', () => {
    const seen = thumbprint === undefined ? undefined : socket.getPeerCertificate().fingerprint;
    if (thumbprint !== undefined && normal(seen ?? '') !== normal(thumbprint)) {
      const what = `${options.host}:${options.port} shows the thumbprint ${seen}, not ${thumbprint}`;
      return fail(new TranshipError('vsphere.certificate', what));
    }
    socket.setTimeout(0);
    socket.removeAllListeners('timeout');
    resolve(socket);
  });
  return promise;
}

export interface Certificate {
  pem: string;
  /** SHA-1, `AA:BB:…`. */
  thumbprint: string;
  sha256: string;
}

/** The certificate that a server shows, whoever it is: for a person to compare, never to trust. */
export function fetchCertificate(url: string): Promise<Certificate> {
  return shown(new URL(url), (options) => judged(options, { insecureSkipVerify: true }));
}

async function shown(url: URL, open: (options: ConnectionOptions) => Promise<TLSSocket>): Promise<Certificate> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  try {
    const socket = await open({ host, port: Number(url.port || 443), servername: isIP(host) ? '' : host });
    const { raw, fingerprint, fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    const lines = raw.toString('base64').match(/.{1,64}/g) ?? [];
    const pem = `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
    return { pem, thumbprint: fingerprint, sha256: fingerprint256 };
  } catch (error) {
    throw tell(url.host, error as Error);
  }
}
