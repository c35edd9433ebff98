import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import type { Package, PackageFile } from '../domain/agent.ts';
import { parseControl } from '../domain/dpkg.ts';
import { run } from './run.ts';

const unpackMs = 60_000;

/** Unpacks the Debian packages of the media folder, in memory. */
export async function readPackages(folder: string, scratch: string, signal: AbortSignal): Promise<Package[]> {
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.deb')) : [];
  const packages = files.sort().map((name) => readPackage(join(folder, name), scratch, signal));
  // Whatever one of them ends with: nothing of ours is to write below `scratch` any more.
  await Promise.allSettled(packages);
  return Promise.all(packages);
}

async function readPackage(file: string, scratch: string, signal: AbortSignal): Promise<Package> {
  const folder = mkdtempSync(join(scratch, 'package-'));
  try {
    const { code, stderr } = await run('dpkg-deb', ['-R', file, folder], { deadlineMs: unpackMs, signal });
    if (code !== 0) throw new TranshipError('guest.conversion', `dpkg-deb cannot unpack ${file}: ${stderr.trim()}`);
    const meta = join(folder, 'DEBIAN');
    const info = readdirSync(meta).filter((name) => name !== 'control');
    return {
      control: parseControl(readFileSync(join(meta, 'control'), 'utf8'))[0] ?? new Map(),
      info: new Map(info.map((name) => [name, readFileSync(join(meta, name))])),
      files: walk(folder, '').filter(({ path }) => path !== '/DEBIAN' && !path.startsWith('/DEBIAN/')),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function walk(root: string, below: string): PackageFile[] {
  return readdirSync(join(root, below))
    .sort()
    .flatMap((name): PackageFile[] => {
      const path = `${below}/${name}`;
      const stat = lstatSync(join(root, path));
      const mode = stat.mode & 0o7777;
      if (stat.isDirectory()) return [{ kind: 'folder', path, mode }, ...walk(root, path)];
      if (stat.isSymbolicLink()) return [{ kind: 'link', path, target: readlinkSync(join(root, path)) }];
      const content = readFileSync(join(root, path));
      return [{ kind: 'file', path, mode, content, md5: createHash('md5').update(content).digest('hex') }];
    });
}
