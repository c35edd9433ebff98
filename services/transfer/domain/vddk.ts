import type { ErrorCode } from '@tranship/contracts';

/** What nbdkit is asked for. Nothing in it is secret: the password is named by its file. */
export interface VddkRequest {
  readonly plugin: string;
  readonly libdir: string;
  readonly url: string;
  readonly username: string;
  readonly passwordFile: string;
  readonly thumbprint: string;
  readonly vm: string;
  readonly snapshot?: string | undefined;
  readonly file: string;
}

export function vddkArguments(request: VddkRequest): string[] {
  const { hostname, port } = new URL(request.url);
  return [
    request.plugin,
    `libdir=${request.libdir}`,
    `server=${hostname}`,
    ...(port === '' ? [] : [`port=${port}`]),
    `user=${request.username}`,
    `password=+${request.passwordFile}`,
    `thumbprint=${request.thumbprint}`,
    `vm=moref=${request.vm}`,
    ...(request.snapshot === undefined ? [] : [`snapshot=${request.snapshot}`]),
    `file=${request.file}`,
  ];
}

/** The disk library's words, as our errors; retriable where time may mend it. */
const meanings: readonly (readonly [RegExp, ErrorCode, boolean])[] = [
  [/incorrect user name or password/i, 'vsphere.login', false],
  // Its host goes into maintenance, or is in it.
  [/[ (]1401[45]\)|maintenance mode/i, 'vsphere.host-away', true],
  [/[ (]3014\)|not have access rights/i, 'vsphere.denied', false],
  [/thumbprint|certificate|SSL/i, 'vsphere.certificate', false],
  [/resolve host|connect to server|connection refused|timed out|no route/i, 'vsphere.unreachable', true],
  [/already in use/i, 'source.contested', false],
  [/too many NFC|NfcFssrvr/i, 'transfer.busy', true],
  [/not found|has been deleted/i, 'vsphere.not-found', false],
];

/** What nbdkit's log says of a failed open. */
export function meaning(log: string): { code: ErrorCode; retry: boolean; detail: string } {
  const lines = log.split('\n').filter((line) => line.includes('error:'));
  const detail = (lines.at(-1) ?? log.trim().split('\n').at(-1) ?? '').replace(/^.*error: /, '').slice(0, 400);
  // A file's name is no word of the library: `[ssl] certificates/3014.vmdk`.
  const words = log.replace(/\[[^\]\n]*\] [^\n]*?\.vmdk/g, '');
  const found = meanings.find(([pattern]) => pattern.test(words));
  return { code: found?.[1] ?? 'transfer.open', retry: found?.[2] ?? true, detail };
}
