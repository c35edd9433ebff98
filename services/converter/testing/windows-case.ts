import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach } from 'vitest';
import { convertDisks } from '../acts/convert.ts';
import { inspectDisks } from '../acts/inspect.ts';
import { exported } from './hives.ts';
import { ntfsTool } from './ntfs-tool.ts';
import { adapter, ntfsTools, onVolume } from './windows.ts';

/** For the tests of one file: a disk in a folder of its own for each, and what is done to it. */
export function windowsCase() {
  let tool = '';
  let folder = '';
  beforeAll(() => {
    tool = ntfsTool();
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tranship-windows-'));
    mkdirSync(join(folder, 'scratch'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const disk = () => join(folder, 'disk.img');
  const base = (nics = [{ mac: adapter.mac as string, addresses: [...adapter.addresses] as string[] }]) => ({
    nics,
    mediaDir: join(folder, 'media'),
    scratch: join(folder, 'scratch'),
    signal: AbortSignal.timeout(60_000),
  });
  const images = () => [{ index: 0, path: disk(), sizeBytes: readFileSync(disk()).length }];
  const read = (path: string) => onVolume(disk(), folder, (volume) => ntfsTools('ntfscat', volume, path));
  return {
    /** Where tranship-ntfs lies. */
    tool: () => tool,
    folder: () => folder,
    media: () => join(folder, 'media'),
    disk,
    base,
    images,
    digest: () => createHash('sha256').update(readFileSync(disk())).digest('hex'),
    inspect: (nics?: Parameters<typeof base>[0]) => inspectDisks({ ...base(nics), images: images() }),
    convert: (key = 'm/vm') =>
      convertDisks({
        ...base(),
        images: images(),
        scratchDir: join(folder, 'kept'),
        key,
        now: () => performance.now(),
        warn: () => {},
      }),
    read,
    /** The values below a key of a hive, as a tool tells them. */
    hive: (name: 'SYSTEM' | 'SOFTWARE', key = '\\') => {
      const file = join(folder, name);
      writeFileSync(file, read(`/Windows/System32/config/${name}`));
      return exported(file, key);
    },
  };
}
