import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Ledger, markDiverged, type PassRequest, prove, type Range, restore, runPass } from './index.ts';
import { leafBytes } from './leaves.ts';
import { FragileFiles, FragileSink, Fuse } from './testing/fragile.ts';
import { MemorySource, randomFrom } from './testing/source.ts';

const leaves = 40;
const size = leaves * leafBytes - 5000;
/** Small, so that the ledger is written many times in a pass; and it is believed unseen, so that what it says has to be true. */
const tuning = {
  spotLeaves: 0,
  memoryBytes: 8 * leafBytes,
  requestBytes: 2 * leafBytes,
  inFlight: 4,
  riskBytes: 8 * leafBytes,
  flushBytes: 12 * leafBytes,
};

/** The next moment of a disk, and where it differs from the one before. */
function mutate(bytes: Buffer, random: () => number): { next: Buffer; ranges: Range[] } {
  const next = Buffer.from(bytes);
  const ranges: Range[] = [];
  for (let leaf = 0; leaf < leaves; leaf++) {
    if (random() > 0.3) continue;
    const offset = leaf * leafBytes;
    next.fill(random() < 0.3 ? 0 : Math.floor(random() * 256), offset, Math.min(size, offset + leafBytes));
    ranges.push([offset, Math.min(leafBytes, size - offset)]);
  }
  return { next, ranges };
}

/** A worker's life: it may end at any call. */
class World {
  readonly fuse = new Fuse();
  files = new FragileFiles(this.fuse);
  readonly sink: FragileSink;
  readonly random: () => number;
  cuts = 0;

  constructor(seed: number, target: Buffer) {
    this.random = randomFrom(seed);
    this.sink = new FragileSink(target, this.fuse);
  }

  async ledger(): Promise<Ledger> {
    return Ledger.open('/scratch', { vm: 'vm', disk: 0, key: 1, sizeBytes: size }, this.files);
  }

  async pass(bytes: Buffer, request: PassRequest, ranges: readonly Range[], from = new MemorySource(bytes)) {
    const ledger = await this.ledger();
    const source = async () => from;
    const { sink, random } = this;
    return runPass({ source, sink, ledger, sizeBytes: size, request, ranges, tuning: { ...tuning, random } });
  }

  /** Gives up after some power cuts: then the work must succeed. */
  async surviving<T>(work: () => Promise<T>, cuts: number): Promise<T> {
    for (let cut = 0; ; cut++) {
      this.fuse.left = cut < cuts ? Math.floor(this.random() * 60) : Number.POSITIVE_INFINITY;
      try {
        return await work();
      } catch (error) {
        if (cut >= cuts || !(error as Error).message.includes('the power is gone')) throw error;
        this.fuse.left = Number.POSITIVE_INFINITY;
        // Else only the worker is: what it wrote is there.
        if (this.random() < 0.5) continue;
        this.files.cut(this.random);
        this.sink.cut(this.random);
        this.cuts++;
      }
    }
  }
}

const zeros = Buffer.alloc(size);

test('power cut - at any moments of a first pass and of deltas, with any unsynced writes lost, the target equals the source and is proven', async () => {
  let cuts = 0;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1 }), fc.integer({ min: 0, max: 4 }), async (seed, most) => {
      const world = new World(seed, zeros);
      let { next: bytes } = mutate(zeros, world.random);
      let ranges: Range[] = [];
      for (let pass = 1; pass <= 4; pass++) {
        const how = pass === 1 ? 'full' : world.random() < 0.7 ? 'delta' : 'compare';
        const request = { pass, how, changeId: `u/${pass}` } as const;
        const done = await world.surviving(() => world.pass(bytes, request, ranges), most);
        expect(world.sink.bytes.equals(bytes)).toBe(true);
        const proof = await world.surviving(
          async () => prove({ sink: world.sink, ledger: await world.ledger(), sizeBytes: size, pass }),
          most,
        );
        expect(proof.root).toBe(done.root);
        ({ next: bytes, ranges } = mutate(bytes, world.random));
      }
      cuts += world.cuts;
    }),
    { numRuns: 60 },
  );
  expect(cuts).toBeGreaterThan(50);
});

test('power cut - with all lost that may be, no more is read again than between two flushes', async () => {
  const bytes = Buffer.alloc(size, 7);
  const world = new World(1, zeros);
  const request = { pass: 1, how: 'full' } as const;
  const dying = new MemorySource(bytes, 10); // reads of two leaves
  await expect(world.pass(bytes, request, [], dying)).rejects.toThrow('the source is gone');
  const loseAll = () => 0.999;
  world.files.cut(loseAll);
  world.sink.cut(loseAll);
  const { resumedBytes } = await world.pass(bytes, request, []);
  expect(resumedBytes).toBeGreaterThanOrEqual(tuning.flushBytes);
  expect(world.sink.bytes.equals(bytes)).toBe(true);
});

test('power cut - a pass given up for a later moment leaves nothing of itself behind', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1 }), async (seed) => {
      const world = new World(seed, zeros);
      const base = mutate(zeros, world.random).next;
      await world.pass(base, { pass: 1, how: 'full', changeId: 'u/1' }, []);
      // Both moments lie after the first pass; each list is since the first pass.
      const [one, two] = [mutate(base, world.random), mutate(base, world.random)];
      const how = world.random() < 0.5 ? 'delta' : 'compare';
      world.fuse.left = Math.floor(world.random() * 80);
      await world.pass(one.next, { pass: 2, how, changeId: 'u/2' }, one.ranges).catch(() => {});
      world.fuse.left = Number.POSITIVE_INFINITY;
      world.files.cut(world.random);
      world.sink.cut(world.random);
      // A list since the first pass names what either changed, unless the first attempt had finished.
      const again = world.random() < 0.5 ? 'delta' : 'compare';
      const ranges = [...two.ranges, ...((await world.ledger()).head?.pass === 2 ? one.ranges : [])];
      await world.pass(two.next, { pass: 2, how: again, changeId: 'u/3' }, ranges);
      expect(world.sink.bytes.equals(two.next)).toBe(true);
    }),
    { numRuns: 40 },
  );
});

test('power cut - a converted disk is brought back whole, whatever happens on the way', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1 }), fc.integer({ min: 0, max: 4 }), async (seed, most) => {
      const world = new World(seed, zeros);
      const { next: bytes } = mutate(zeros, world.random);
      await world.pass(bytes, { pass: 1, how: 'full', changeId: 'u/1' }, []);
      await markDiverged('/scratch', 0, world.files);
      await world.sink.write(3 * leafBytes, Buffer.alloc(4096, 0xee));
      await world.sink.flush();
      const { next } = mutate(bytes, world.random);
      const done = await world.surviving(() => world.pass(next, { pass: 2, how: 'delta', changeId: 'u/2' }, []), most);
      expect(done.how).toBe('compare');
      expect(world.sink.bytes.equals(next)).toBe(true);
    }),
    { numRuns: 40 },
  );
});

/** What is kept elsewhere of a ledger. */
async function copyOf(ledger: Ledger) {
  const pages: (Buffer | undefined)[] = [];
  for await (const page of ledger.pages()) pages.push(page);
  return { binding: ledger.binding, head: ledger.head!, pages };
}

test('power cut - a scratch volume lost in the middle of a pass, and cuts while its ledger is brought back, lose nothing', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1 }), fc.integer({ min: 0, max: 4 }), async (seed, most) => {
      const world = new World(seed, zeros);
      const { next: base } = mutate(zeros, world.random);
      await world.pass(base, { pass: 1, how: 'full', changeId: 'u/1' }, []);
      await prove({ sink: world.sink, ledger: await world.ledger(), sizeBytes: size, pass: 1 });
      const kept = await copyOf(await world.ledger());
      const { next, ranges } = mutate(base, world.random);
      const request = { pass: 2, how: 'delta', changeId: 'u/2' } as const;
      world.fuse.left = Math.floor(world.random() * 60);
      await world.pass(next, request, ranges).catch(() => {});
      world.fuse.left = Number.POSITIVE_INFINITY;
      world.sink.cut(world.random);
      world.files = new FragileFiles(world.fuse);
      const { sink, random } = world;
      await world.surviving(async () => {
        const ledger = await world.ledger();
        const pages = (async function* () {
          yield* kept.pages;
        })();
        if (ledger.isBlank) await restore({ ...kept, pages }, sink, { ledger, sizeBytes: size });
        const source = async () => new MemorySource(next);
        await runPass({ source, sink, ledger, sizeBytes: size, request, ranges, tuning: { ...tuning, random } });
      }, most);
      expect(sink.bytes.equals(next)).toBe(true);
      const prover = async () => prove({ sink, ledger: await world.ledger(), sizeBytes: size, pass: 2 });
      await world.surviving(prover, most);
    }),
    { numRuns: 40 },
  );
});
