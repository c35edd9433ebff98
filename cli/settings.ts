import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { parse } from 'yaml';
import { usage } from './errors.ts';

/** Where the gateway is and who asks. */
export interface Settings {
  readonly server: string;
  readonly token: string | undefined;
}

/** From the command line; what is absent comes from the environment, then from the configuration's context. */
export interface Given {
  readonly server?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly certificateAuthority?: string | undefined;
  readonly context?: string | undefined;
}

/** `~/.config/tranship/config.yaml`: `{current-context: lab, contexts: {lab: {server, tokenFile, certificateAuthority}}}`. */
interface Config {
  'current-context'?: string;
  contexts?: Record<string, Pick<Given, 'server' | 'tokenFile' | 'certificateAuthority'>>;
}
type Env = Readonly<Record<string, string | undefined>>;

const defaultServer = 'http://127.0.0.1:8080';

/** @throws CliError when a file that is named cannot be read, or a context is not known */
export function settings(given: Given, env: Env = process.env): Settings {
  const context = contextOf(given.context ?? env.TRANSHIP_CONTEXT, readConfig(env));
  const server = given.server ?? env.TRANSHIP_SERVER ?? context.server ?? defaultServer;
  if (!/^https?:\/\/[^/]/.test(server) || !URL.canParse(server))
    throw usage(`--server: ${server} is no address such as https://tranship.example.com`);
  const authority = given.certificateAuthority ?? env.TRANSHIP_CERTIFICATE_AUTHORITY ?? context.certificateAuthority;
  if (authority !== undefined) trust(read('--certificate-authority', authority));
  return { server, token: token(given, env, context) };
}

function token(given: Given, env: Env, context: Given): string | undefined {
  const file = given.tokenFile ?? env.TRANSHIP_TOKEN_FILE;
  if (file !== undefined) return read('--token-file', file).trim();
  if (env.TRANSHIP_TOKEN !== undefined) return env.TRANSHIP_TOKEN;
  return context.tokenFile === undefined ? undefined : read('the token file of the context', context.tokenFile).trim();
}

function readConfig(env: Env): Config {
  const file = env.TRANSHIP_CONFIG ?? join(env.XDG_CONFIG_HOME ?? join(homedir(), '.config'), 'tranship/config.yaml');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return {};
  }
  try {
    return (parse(text) as Config | null) ?? {};
  } catch (error) {
    throw usage(`${file}: ${(error as Error).message.split('\n')[0]}`);
  }
}

function contextOf(name: string | undefined, config: Config): Given {
  const wanted = name ?? config['current-context'];
  if (wanted === undefined) return {};
  const found = config.contexts?.[wanted];
  if (found) return found;
  throw usage(`there is no context ${wanted}; known are: ${Object.keys(config.contexts ?? {}).join(', ') || 'none'}`);
}

function read(what: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw usage(`${what}: cannot read ${file} (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** Beside those that the machine trusts. */
const trust = (pem: string) => setDefaultCACertificates([...getCACertificates('default'), pem]);
