import { type Provider, queries } from '@tranship/contracts';
import { type Command, Option } from 'commander';
import type { Api } from '../api.ts';
import { exits, usage } from '../errors.ts';
import { show } from '../output.ts';
import { action, type Register } from '../program.ts';
import type { Terminal } from '../terminal.ts';
import { checkLines } from './checks.ts';
import { askTrust, fetchTrust, readTrust, trustLines } from './trust.ts';

export const provider: Register = (program) => {
  const group = program.command('provider').description('makes a provider, tries it, shows its certificate');
  create(group);
  test(group);
  fetchCa(group);
};

interface CreateOptions {
  url?: string;
  username?: string;
  passwordStdin?: boolean;
  caFile?: string;
  fetchCa?: boolean;
  yes?: boolean;
  type: 'vsphere';
  endpoint: 'vcenter';
  libdir?: string;
}

const stored = { parse: (value: unknown) => value as Provider };
const nothing = { parse: (value: unknown) => value };

function create(group: Command): void {
  group
    .command('create')
    .description('stores a credential and the provider that uses it; on one that exists, changes what is given')
    .argument('<name>')
    .option('--url <url>', 'such as https://vcenter.example.com/sdk')
    .option('--username <user>')
    .option('--password-stdin', 'reads the password from standard input')
    .option('--ca-file <file>', 'PEM of the authority, or of the server’s own certificate')
    .option('--fetch-ca', 'trusts the certificate that the server shows, after you have compared it')
    .option('--yes', 'trusts it unasked')
    .addOption(
      new Option('--type <type>', 'of the source; the target cluster needs no provider')
        .choices(['vsphere'])
        .default('vsphere'),
    )
    .addOption(
      new Option('--endpoint <endpoint>', 'what answers at the URL; a host by itself is no source')
        .choices(['vcenter'])
        .default('vcenter'),
    )
    .option('--libdir <folder>', 'where the VDDK library lies, for the workbenches')
    .action(
      action(({ api, terminal }, name: string, options: CreateOptions) => createOne(api, terminal, name, options)),
    );
}

async function createOne(api: Api, terminal: Terminal, name: string, options: CreateOptions): Promise<number> {
  const before = await api.find(['providers', name], stored);
  const url = options.url ?? before?.spec.url;
  if (url === undefined) throw usage(`there is no provider ${name} yet: --url is wanted`);
  if (!before && options.username === undefined) throw usage('--username and --password-stdin are wanted');
  if ((options.username === undefined) !== (options.passwordStdin !== true))
    throw usage('--username and --password-stdin go together: a password is never an argument');
  const secret = before?.spec.credentials.secret ?? name;
  const tls = options.fetchCa
    ? await askTrust(api, terminal, url, options.yes === true)
    : options.caFile === undefined
      ? before?.spec.tls
      : readTrust(options.caFile);
  if (options.username !== undefined) await putSecret(api, terminal, secret, options.username);
  const body = {
    apiVersion: 'tranship.dev/v1',
    kind: 'Provider',
    metadata: before ? { ...labelsOf(before), name } : { name },
    spec: {
      ...(before?.spec ?? { type: options.type, endpoint: options.endpoint }),
      url,
      credentials: { secret },
      ...(tls === undefined ? {} : { tls }),
      ...(options.libdir === undefined
        ? {}
        : { transfer: { method: 'auto', ...before?.spec.transfer, libdir: options.libdir } }),
    },
  };
  await api.send('PUT', ['providers', name], stored, { body });
  terminal.out(`provider/${name} ${before ? 'configured' : 'created'}`);
  return exits.done;
}

const labelsOf = ({ metadata: { labels, annotations } }: Provider) => ({
  ...(labels ? { labels } : {}),
  ...(annotations ? { annotations } : {}),
});

async function putSecret(api: Api, terminal: Terminal, name: string, username: string): Promise<void> {
  const password = (await terminal.readAll()).replace(/\r?\n$/, '');
  if (password === '') throw usage('standard input holds no password');
  await api.send('POST', ['secrets'], nothing, { body: { name, username, password } });
}

function test(group: Command): void {
  group
    .command('test')
    .description(
      'tries a provider: reachable, certificate, login, time skew, inventory, each privilege by its name, data path',
    )
    .argument('<name>')
    .action(
      action(async ({ api, terminal, format }, name: string) => {
        const result = await api.send('POST', ['providers', name, 'test'], queries.testProvider.result);
        show(terminal, format, result, () => checkLines(result.checks, terminal));
        return result.checks.every(({ ok }) => ok) ? exits.done : exits.notReady;
      }),
    );
}

function fetchCa(group: Command): void {
  group
    .command('fetch-ca')
    .description('shows the certificate of a provider, and trusts it when you say so')
    .argument('<name>')
    .option('--yes', 'trusts it unasked')
    .action(
      action(async ({ api, terminal, format }, name: string, options: { yes?: boolean }) => {
        const { status: _, ...document } = await api.get(['providers', name], stored);
        if (format === 'json' || format === 'yaml') {
          const certificate = await fetchTrust(api, document.spec.url);
          show(terminal, format, certificate, () => trustLines(certificate));
          return exits.done;
        }
        const tls = await askTrust(api, terminal, document.spec.url, options.yes === true);
        const body = { ...document, spec: { ...document.spec, tls } };
        await api.send('PUT', ['providers', name], stored, { body });
        terminal.out(`provider/${name} configured`);
        return exits.done;
      }),
    );
}
