import { Readable } from 'node:stream';
import { TranshipError } from '@tranship/contracts';
import { Client, type IHttpClient, WSDL } from 'soap';
import { faultOf, VimFault } from './faults.ts';
import type { Transport } from './transport.ts';
import { type Operation, wsdl } from './wsdl.ts';
import { child, decode, readXml, type Value, wholeText } from './xml.ts';

export interface Ref {
  readonly type: string;
  readonly value: string;
}

/** Which events are asked for: those of one object, of these types. */
interface EventFilter {
  readonly entity: { readonly entity: Ref; readonly recursion: 'self' };
  readonly eventTypeId: readonly string[];
}

/** Which counters of one object: the newest sample of each, over so many seconds. */
export interface PerfQuery {
  readonly entity: Ref;
  readonly maxSample: 1;
  readonly metricId: readonly { readonly counterId: number; readonly instance: string }[];
  readonly intervalId: number;
}

/** What a parameter may be; the last: the slice of VirtualMachineConfigSpec that we set. */
export type Param =
  | string
  | number
  | boolean
  | Ref
  | EventFilter
  | PerfQuery
  | readonly Ref[]
  | readonly string[]
  | { readonly changeTrackingEnabled: boolean };

const deadlineMs = 60_000;
type Callback = (error: Error | null, result: unknown, raw: string) => void;

/** Control calls: node-soap writes the requests, our transport carries them, our reader takes the answers. */
export class Control {
  readonly #client: Promise<Client>;

  constructor(transport: Transport) {
    this.#client = open(transport);
  }

  /** Calls a method of a managed object. @throws VimFault, TranshipError */
  async call(on: Ref, operation: Operation, params: Readonly<Record<string, Param>> = {}): Promise<Value | undefined> {
    const client = await this.#client;
    const args = written({ _this: on, ...params }) as object;
    const raw = await new Promise<string>((resolve, reject) => {
      const method = (client as unknown as Record<string, (args: object, callback: Callback) => void>)[operation]!;
      method.call(client, args, (error, _, answer) => {
        // An answer with a fault is an answer; only what never came is an error here.
        if (answer) resolve(answer);
        else reject(error ?? new TranshipError('vsphere.fault', `${operation}: the answer is empty`));
      });
    });
    const envelope = await readXml(Readable.from([raw]));
    const fault = faultOf(envelope);
    if (fault) throw fault;
    const answer = child(child(child(envelope, 'Envelope'), 'Body'), `${operation}Response`);
    const decoded = answer && decode(answer);
    return typeof decoded === 'object' && 'returnval' in decoded ? decoded.returnval : undefined;
  }
}

const isRef = (value: unknown): value is Ref => typeof value === 'object' && value !== null && 'type' in value;
const soapRef = (ref: Ref) => ({ attributes: { type: ref.type }, $value: ref.value });

/** References, however deep, as node-soap writes them. */
function written(value: unknown): unknown {
  if (isRef(value)) return soapRef(value);
  if (Array.isArray(value)) return value.map(written);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, written(each)]));
}

async function open(transport: Transport): Promise<Client> {
  const httpClient = {
    request: (
      _url: string,
      data: string,
      callback: (error: Error | null, response?: object, body?: string) => void,
    ) => {
      transport
        .post(data, deadlineMs)
        .then(async (response) => {
          const body = await wholeText(response);
          callback(null, { status: response.statusCode ?? 0, headers: response.headers, data: body }, body);
        })
        .catch((error: unknown) =>
          callback(error instanceof Error ? error : new VimFault('SystemError', String(error))),
        );
    },
  } as unknown as IHttpClient;
  const definition = new WSDL(wsdl(), 'vim.wsdl', {});
  await new Promise<void>((resolve, reject) => definition.onReady((error) => (error ? reject(error) : resolve())));
  return new Client(definition, transport.url.href, { httpClient } as never);
}
