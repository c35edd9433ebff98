import { install } from './packages.ts';
import { step } from './progress.ts';
import { type RunOptions, run } from './shell.ts';

/** What the go.mod files ask for. */
const wanted = '1.26.0';
/** From here on a Go fetches another one, checked as any module is. */
const fetches = '1.21.0';
const usual = ['go', '/usr/local/go/bin/go'];
const debians = () => install([], ['golang-go']);

interface Toolchain {
  readonly program: string;
  readonly version: string;
  readonly env: Readonly<Record<string, string>>;
}

let ready: Promise<Toolchain> | undefined;
const toolchain = (): Promise<Toolchain> => {
  ready ??= find();
  return ready;
};

/** Runs `go` as the lab's builds do: all with the same flags, so that its own cache serves a changed main. */
export async function go(args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { program, env } = await toolchain();
  return run(program, args, {
    ...options,
    // Memory is there: the compiler collects its garbage less often, and builds in nine tenths of the time.
    env: { CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false', GOGC: '400', ...env, ...options.env },
  });
}

export const goVersion = async (): Promise<string> => (await toolchain()).version;

/** The machine's Go where it is new enough; else Debian's, which fetches the wanted one. */
export async function find(places: readonly string[] = usual, installOne = debians): Promise<Toolchain> {
  let found = await machines(places);
  if (choose(found?.version) === 'install') {
    await installOne();
    found = await machines(places);
  }
  const choice = choose(found?.version);
  if (!found || choice === 'install') throw new Error(`Go ${fetches} or newer is needed to build the lab’s programs`);
  if (choice === 'as it is') return { ...found, env: {} };
  const env = { GOTOOLCHAIN: `go${wanted}` };
  const version = await step(`fetching Go ${wanted}`, 30, () =>
    run(found.program, ['env', 'GOVERSION'], { env, deadlineMs: 600_000 }),
  );
  return { program: found.program, version, env };
}

async function machines(places: readonly string[]): Promise<{ program: string; version: string } | undefined> {
  for (const program of places) {
    const ask = run(program, ['env', 'GOVERSION'], { env: { GOTOOLCHAIN: 'local' }, cwd: '/', deadlineMs: 20_000 });
    const version = await ask.catch(() => '');
    if (version) return { program, version };
  }
  return undefined;
}

export function choose(version: string | undefined): 'as it is' | 'fetch' | 'install' {
  if (version === undefined || older(version, fetches)) return 'install';
  return older(version, wanted) ? 'fetch' : 'as it is';
}

function older(version: string, than: string): boolean {
  const numbers = (text: string) => (text.match(/\d+/g) ?? []).map(Number);
  const [a, b] = [numbers(version), numbers(than)];
  const at = [0, 1, 2].find((i) => (a[i] ?? 0) !== (b[i] ?? 0));
  return at !== undefined && (a[at] ?? 0) < (b[at] ?? 0);
}
