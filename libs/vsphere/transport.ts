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
const certificateCodes = /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|ERR_TLS_CERT|HOSTNAME_MISMATCH)/;
const normal = (thumbprint: string) => thumbprint.toUpperCase().replace(/[^0-9A-F]/g, '');

/** HTTPS to one vCenter: one agent, every answer with a deadline, the certificate judged before a byte is sent. */
export class Transport {
  readonly url: URL;
  readonly #agent: Agent;
  #cookie: string | undefined;

  constructor(url: string, trust: TlsTrust) {
    this.url = new URL(url);
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

  /** Forgets the session's cookie. */
  forget(): void {
    this.#cookie = undefined;
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Only the message is taken over: the error of a request may hold its headers. */
  #wrap(error: Error & { code?: string }, deadlineMs: number): TranshipError {
    if (error instanceof TranshipError) return error;
    const host = this.url.host;
    if (certificateCodes.test(error.code ?? ''))
      return new TranshipError('vsphere.certificate', `${host}: ${error.message}`);
    const what =
      error.name === 'TimeoutError' || error.name === 'AbortError'
        ? `no answer within ${deadlineMs / 1000} s`
        : error.message;
    return new TranshipError('vsphere.unreachable', `${host}: ${what}`);
  }
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
    const { ca, thumbprint, insecureSkipVerify } = this.#trust;
    const judged = thumbprint === undefined && !insecureSkipVerify;
    const socket = connect({
      ...options,
      ...(ca === undefined ? {} : { ca }),
      rejectUnauthorized: judged,
      timeout: connectMs,
    });
    const fail = (error: Error) => {
      socket.destroy();
      callback?.(error, socket);
    };
    socket.once('timeout', () =>
      fail(new TranshipError('vsphere.unreachable', `${options.host}:${options.port} does not answer`)),
    );
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      socket.setTimeout(0);
      socket.removeListener('error', fail);
      const shown = thumbprint === undefined ? undefined : socket.getPeerCertificate().fingerprint;
      if (thumbprint !== undefined && normal(shown ?? '') !== normal(thumbprint)) {
        return fail(
          new TranshipError(
            'vsphere.certificate',
            `${options.host}:${options.port} shows the thumbprint ${shown}, not ${thumbprint}`,
          ),
        );
      }
      callback?.(null, socket);
    });
    return null;
  }
}

export interface Certificate {
  pem: string;
  /** SHA-1, `AA:BB:…`. */
  thumbprint: string;
  sha256: string;
}

/** The certificate that a server shows, whoever it is: for a person to compare. */
export function fetchCertificate(url: string, deadlineMs = connectMs): Promise<Certificate> {
  const { hostname: host, port } = new URL(url);
  const { promise, resolve, reject } = Promise.withResolvers<Certificate>();
  const socket: TLSSocket = connect({
    host,
    port: Number(port || 443),
    ...(isIP(host) ? {} : { servername: host }),
    rejectUnauthorized: false,
    timeout: deadlineMs,
  });
  const fail = (what: string) => {
    socket.destroy();
    reject(new TranshipError('vsphere.unreachable', `${host}:${port || 443}: ${what}`));
  };
  socket.once('timeout', () => fail(`no answer within ${deadlineMs / 1000} s`));
  socket.once('error', (error) => fail(error.message));
  socket.once('secureConnect', () => {
    const { raw, fingerprint, fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    const lines = raw.toString('base64').match(/.{1,64}/g) ?? [];
    resolve({
      pem: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
      thumbprint: fingerprint,
      sha256: fingerprint256,
    });
  });
  return promise;
}
