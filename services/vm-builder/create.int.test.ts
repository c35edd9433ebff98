import { createPublicKey, verify } from 'node:crypto';
import { type Signature, signedText } from '@tranship/contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { create } from './handlers/create.ts';
import { apps, course, proven, World } from './testing/world.ts';

let world: World;
beforeAll(async () => {
  world = await World.start();
});
afterAll(() => world?.stop());

it('create - signs the proof: two that are the first at once by one key, and a second time the same', async () => {
  const [one, two] = [course(), course()];
  const made = await Promise.all([create(world.target, proven(one)), create(world.target, proven(two))]);
  const [{ publicKey, signature }] = made.map(({ proof }) => proof) as [Signature, Signature];
  expect(made.map(({ proof }) => proof)).toEqual([made[0]!.proof, made[0]!.proof]);
  expect((await create(world.target, proven(one))).proof).toEqual({ publicKey, signature });
  const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' });
  const signed = (sha256: string) =>
    verify(null, Buffer.from(signedText(sha256)), key, Buffer.from(signature, 'base64'));
  expect([signed('ab'.repeat(32)), signed('cd'.repeat(32))]).toEqual([true, false]);
  const other = await create(world.target, proven(course(), 'cd'.repeat(32)));
  expect(other.proof?.publicKey).toBe(publicKey);
  expect(other.proof?.signature).not.toBe(signature);
});

it('create - without a signature there is no VM', async () => {
  const input = course();
  const cluster = Object.assign(Object.create(world.cluster), {
    get: async (kind: 'Secret' | 'VirtualMachine', name: string, namespace: string) => {
      if (kind === 'Secret') throw new Error('forbidden');
      return world.cluster.get(kind, name, namespace);
    },
  });
  await expect(create({ ...world.target, cluster }, proven(input))).rejects.toThrow('forbidden');
  expect(await world.cluster.get('VirtualMachine', input.target.name, apps)).toBeUndefined();
});
