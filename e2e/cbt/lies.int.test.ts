import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { sha256 } from '../../services/transfer/testing/bench.ts';
import { leaf, signal, Warm } from './warm.ts';

const mib = 1024 ** 2;
let warm: Warm;
/** 2,560 leaves each. */
const small = { power: 'on', disks: [{ sizeGB: 0.15625, fill: 'random:16MB' }] };
const odd: Record<string, object> = {
  chain: { snapshots: ['monday', 'tuesday'] },
  grown: { disks: [{ sizeGB: 0.1171875, fill: 'random:16MB' }] },
};

beforeAll(async () => {
  const names = [
    'honest',
    'believed',
    'grown',
    'consolidated',
    'moved',
    'rebooted',
    'reverted',
    'patchy',
    'first',
    'final',
    'chain',
  ];
  warm = await Warm.start({
    vcenter: { datastores: [{ name: 'fast-ds' }, { name: 'other-ds' }] },
    vms: names.map((name) => ({ name, ...small, ...odd[name] })),
  });
});
beforeEach(() => warm.begin());
afterAll(() => warm?.stop());

const tell = (path: string, body?: object, method?: string) => warm.bench.tell(path, body, method);
/** Change tracking is silent about these leaves of a VM. */
const hush = (vm: string, [from, to]: readonly [number, number]) =>
  tell(`/cbt/lie?vm=${vm}&from=${from * leaf}&to=${to * leaf}`);
const among = ([from, to]: readonly [number, number], count: number) =>
  Array.from({ length: count }, (_, i) => from + Math.floor((i * (to - from)) / count));
const equal = async (vm: string) => {
  await warm.bench.look();
  expect(sha256(warm.bench.target())).toBe(sha256(warm.bench.source(vm)));
};

const low = [300, 1000] as const;
const high = [2048, 2560] as const;
/** What happens to a VM between its first pass and the next, with what its tracking then does not tell: VMware's known bugs. */
const bugs: readonly { vm: string; bug: string; before?: () => Promise<void>; happens: () => Promise<void> }[] = [
  {
    vm: 'grown',
    bug: 'grown over a boundary (KB 2090639; of 128 GB there, of 128 MiB here), nothing behind it is told',
    before: async () => {
      await tell(`/resize?vm=grown&bytes=${160 * mib}`);
      await warm.bench.look();
    },
    happens: async () => {
      await hush('grown', high);
      await warm.writes('grown', among(high, 150));
    },
  },
  {
    vm: 'consolidated',
    bug: 'what is written while a snapshot is merged is not told (KB 2136854)',
    happens: async () => {
      await tell('/delays?tasks', { RemoveSnapshot_Task: 1_500 });
      try {
        let wrote: Promise<void> | undefined;
        const meanwhile = async () => {
          wrote = sleep(500).then(() => warm.writes('consolidated', among(low, 150)));
        };
        await warm.pass('consolidated', { meanwhile });
        await wrote;
      } finally {
        await tell('/delays?tasks', {});
      }
      await hush('consolidated', low);
    },
  },
  {
    vm: 'moved',
    bug: 'what was written before a Storage vMotion is forgotten',
    happens: async () => {
      await warm.writes('moved', among(low, 150));
      await tell('/relocate?vm=moved&datastore=other-ds');
      await hush('moved', low);
    },
  },
  {
    vm: 'rebooted',
    bug: 'what was written before a hard reboot is forgotten',
    happens: async () => {
      await warm.writes('rebooted', among(low, 150));
      await tell('/power/off?vm=rebooted');
      await tell('/power/on?vm=rebooted');
      await hush('rebooted', low);
    },
  },
  {
    vm: 'reverted',
    bug: 'a revert is not noticed, and two backups later its number has gone on',
    happens: async () => {
      const { center, bench } = warm;
      const take = (name: string) => center.createSnapshot(bench.id('reverted'), name, signal);
      await tell('/cbt/lie?vm=reverted&revert');
      await take('update');
      await warm.writes('reverted', among(low, 150));
      expect((await warm.pass('reverted')).copied.how).toBe('compare');
      await tell('/revert?vm=reverted&snapshot=update');
      for (const name of ['backup-1', 'backup-2']) await center.removeSnapshot(await take(name), signal);
    },
  },
];

test.for(bugs)(
  'lie - $bug: a delta is believed by nobody, the audit finds it, and all is compared',
  async ({ vm, before, happens }) => {
    await before?.();
    await warm.pass(vm);
    await happens();
    await warm.writes(vm, [5]);
    const { found, copied } = await warm.pass(vm);
    // Nothing in what vCenter says gives it away.
    expect(found.lost).toBeUndefined();
    expect(JSON.parse(found.areas!)).toEqual([[5 * leaf, leaf]]);
    expect(copied.how).toBe('compare');
    expect(copied.liedLeaves).toBeGreaterThan(0);
    expect(copied.writtenBytes).toBe(151 * leaf);
    await equal(vm);
  },
);

test('lie - half of what was written is left out, here and there: found, though the other half is told', async () => {
  await warm.pass('patchy');
  await tell('/cbt/lie?vm=patchy&share=0.5&seed=7');
  await warm.writes('patchy', among(low, 150));
  const { found, copied } = await warm.pass('patchy');
  const told = JSON.parse(found.areas!).length;
  expect(told).toBeGreaterThan(50);
  expect(told).toBeLessThan(100);
  expect(copied).toMatchObject({ how: 'compare', writtenBytes: 150 * leaf });
  await equal('patchy');
});

test('lie - who believes it has a wrong copy: the same without an audit', async () => {
  await warm.pass('believed');
  await warm.writes('believed', among(low, 150));
  await hush('believed', low);
  const { copied } = await warm.pass('believed', { audit: 0 });
  expect(copied).toMatchObject({ how: 'delta', liedLeaves: 0 });
  expect(await warm.different('believed', among(low, 150))).toBe(150);
  // A proof of grade full, or the next audit, finds it all the same.
  expect((await warm.pass('believed')).copied.how).toBe('compare');
  await equal('believed');
});

test('lie - told in the final pass, of the VM that is off: found before anything starts', async () => {
  await warm.pass('final');
  await warm.writes('final', among(low, 150));
  await hush('final', low);
  await tell('/power/off?vm=final');
  const { copied } = await warm.final('final');
  expect(copied).toMatchObject({ how: 'compare', writtenBytes: 150 * leaf });
  await equal('final');
});

test('lie - of what is allocated at all: a first pass asks the disk itself, not change tracking', async () => {
  await hush('first', [0, 2560]);
  const { copied } = await warm.pass('first');
  expect(copied).toMatchObject({ how: 'full', readBytes: 16 * mib });
  await equal('first');
});

test('honest - no lie, no comparison: a delta stays one, whatever is sampled', async () => {
  await warm.pass('honest');
  const wrote = among(low, 150);
  await warm.writes('honest', wrote);
  const { copied } = await warm.pass('honest', { audit: 1 });
  expect(copied).toMatchObject({ how: 'delta', liedLeaves: 0, writtenBytes: 150 * leaf });
  await equal('honest');
});

test('chain - snapshots of others that are there from the beginning: deltas all the same, and they stay', async () => {
  await warm.pass('chain');
  await warm.writes('chain', [7]);
  const second = await warm.pass('chain');
  expect(second.found.lost).toBeUndefined();
  expect(second.copied).toMatchObject({ how: 'delta', writtenBytes: leaf });
  await tell('/power/off?vm=chain');
  await warm.final('chain');
  await equal('chain');
  const { snapshots } = await warm.center.look(warm.bench.id('chain'));
  expect(snapshots.map(({ name }) => name)).toEqual(['monday', 'tuesday']);
});
