import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Read } from '../read.ts';
import type { Volume } from '../volumes.ts';
import { assemble } from './assemble.ts';
import { BadMetadata, parseMetadata } from './text.ts';
import { logicalVolumes, lvNames } from './volumes.ts';

const uuid = 'PV0000-0000-0000-0000-0000-0000-000000';
const segment = (start: number, count: number, type: string, stripes: string) =>
  `start_extent = ${start}\nextent_count = ${count}\ntype = "${type}"\n${stripes}`;
const volume = (name: string, segments: readonly string[], status = '["READ", "WRITE", "VISIBLE"]') =>
  `${name} {\nid = "x"\nstatus = ${status}\nsegment_count = ${segments.length}\n${segments.map((body, i) => `segment${i + 1} {\n${body}\n}`).join('\n')}\n}`;
const linear = (start: number, count: number, first: number) =>
  segment(start, count, 'striped', `stripe_count = 1\nstripes = ["pv0", ${first}]`);

/** As LVM writes it: a group of 4 MiB extents whose data begins at 1 MiB. */
const group = (volumes: readonly string[]) => `vg-0 {
id = "a"
seqno = 2 # grown
extent_size = 8192
physical_volumes {
pv0 {
id = "${uuid}"
device = "/dev/sda2"
pe_start = 2048
pe_count = 100
}
}
logical_volumes {
${volumes.join('\n')}
}
}
contents = "Text Format Volume Group"
version = 1
`;

const text = group([
  volume('root', [linear(0, 2, 0), linear(2, 3, 2)]),
  volume('home', [linear(0, 2, 5), linear(2, 2, 20)]),
  volume('fast', [segment(0, 4, 'striped', 'stripe_count = 2\nstripe_size = 128\nstripes = ["pv0", 30, "pv1", 0]')]),
  volume('pool_tmeta', [linear(0, 1, 40)], '["READ", "WRITE"]'),
  volume('thin', [segment(0, 4, 'thin', 'thin_pool = "pool"')]),
]);

test('lvm - linear volumes by their runs, those that touch joined; others by their kind; hidden ones not at all', () => {
  const mib = 1024 ** 2;
  expect(logicalVolumes(text)).toEqual([
    {
      group: 'vg-0',
      name: 'root',
      kind: 'linear',
      sizeBytes: 20 * mib,
      pieces: [{ pv: uuid, offset: mib, length: 20 * mib }],
    },
    {
      group: 'vg-0',
      name: 'home',
      kind: 'linear',
      sizeBytes: 16 * mib,
      pieces: [
        { pv: uuid, offset: 21 * mib, length: 8 * mib },
        { pv: uuid, offset: 81 * mib, length: 8 * mib },
      ],
    },
    { group: 'vg-0', name: 'fast', kind: 'striped', sizeBytes: 16 * mib, pieces: [] },
    { group: 'vg-0', name: 'thin', kind: 'thin', sizeBytes: 16 * mib, pieces: [] },
  ]);
});

test('lvm - dashes are doubled in names of the device mapper', () => {
  expect(lvNames({ group: 'vg-0', name: 'my-root' })).toEqual(['/dev/vg-0/my-root', '/dev/mapper/vg--0-my--root']);
});

/** A physical volume as pvcreate writes it, with its metadata in a ring of 64 KiB whose text wraps around. */
function disk(metadata: string, at = 40_000): Buffer {
  const image = Buffer.alloc(1024 ** 2);
  image.write('LABELONE', 512);
  image.writeUInt32LE(32, 512 + 20);
  image.write('LVM2 001', 512 + 24);
  image.write(uuid.replaceAll('-', ''), 512 + 32);
  const lists = [
    [1024 ** 2, 0],
    [0, 0],
    [4096, 65536],
    [0, 0],
  ];
  for (const [i, [offset, size]] of lists.entries()) {
    image.writeBigUInt64LE(BigInt(offset!), 512 + 72 + 16 * i);
    image.writeBigUInt64LE(BigInt(size!), 512 + 80 + 16 * i);
  }
  image.write(' LVM2 x[5A%r0N*>', 4096 + 4, 'latin1');
  const bytes = Buffer.from(metadata);
  image.writeBigUInt64LE(4096n, 4096 + 24);
  image.writeBigUInt64LE(65536n, 4096 + 32);
  image.writeBigUInt64LE(BigInt(at), 4096 + 40);
  image.writeBigUInt64LE(BigInt(bytes.length), 4096 + 48);
  const first = Math.min(bytes.length, 65536 - at);
  bytes.copy(image, 4096 + at, 0, first);
  bytes.copy(image, 4096 + 512, first);
  return image;
}

const readerOf =
  (image: Buffer): Read =>
  (offset, length) =>
    offset >= 0 && offset < image.length ? image.subarray(offset, offset + length) : Buffer.alloc(0);
const physical: Volume = {
  disk: 0,
  offset: 0,
  length: 400 * 1024 ** 2,
  fileSystem: { kind: 'lvm', uuid: '', label: '' },
};

test('lvm - a volume in one run is reached by its offset; the others are told with the reason', () => {
  for (const at of [4096, 65_000]) {
    const found = assemble([physical], () => readerOf(disk(text, at)));
    expect(found.volumes.map(({ offset, lv }) => [offset, lv?.name])).toEqual([[1024 ** 2, 'root']]);
    expect(found.unreached.map(({ name, why }) => `${name}: ${why}`)).toEqual([
      'home: it lies in 2 runs',
      'fast: it is striped',
      'thin: it is thin',
    ]);
  }
});

test('lvm - a volume beyond its physical one is not reached', () => {
  const small = { ...physical, length: 8 * 1024 ** 2 };
  expect(assemble([small], () => readerOf(disk(text))).unreached[0]?.why).toBe('it reaches beyond its physical volume');
});

test('lvm - metadata that makes no sense is told, whatever it is', () => {
  expect(assemble([physical], () => readerOf(disk('vg { extent_size ='))).broken).toHaveLength(1);
  expect(() => parseMetadata('{'.repeat(100))).toThrow(BadMetadata);
  expect(() => parseMetadata(`a = ${'#'.repeat(5000)}\n!`)).toThrow(BadMetadata);
  expect(() => parseMetadata('a { '.repeat(100))).toThrow('nested too deep');
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(text.length), fc.constantFrom('{', '}', '[', '"', '=', '-1', '9e99', '\0', '')), {
        maxLength: 4,
      }),
      (cuts) => {
        let broken = text;
        for (const [at, put] of cuts) broken = broken.slice(0, at) + put + broken.slice(at + 1);
        try {
          for (const { pieces } of logicalVolumes(broken))
            for (const each of pieces) expect(each.offset).toBeGreaterThanOrEqual(0);
        } catch (error) {
          expect(error).toBeInstanceOf(BadMetadata);
        }
      },
    ),
    { numRuns: 300 },
  );
});
