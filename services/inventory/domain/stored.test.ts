import { type Provider, providerSchema } from '@tranship/contracts';
import { describe, expect, it } from 'vitest';
import { essence, foldStored, nothing, type Stored, toStore } from './stored.ts';

const provider = (metadata: object = {}, spec: object = {}): Provider =>
  providerSchema.parse({
    apiVersion: 'tranship.dev/v1',
    kind: 'Provider',
    metadata: { name: 'vc1', ...metadata },
    spec: { type: 'vsphere', url: 'https://vc.example.com/sdk', credentials: { secret: 'vc1' }, ...spec },
  });
const time = '2026-01-01T00:00:00.000Z';
const added = (before: Stored, seq: number, document: Provider) =>
  foldStored(before, { type: 'provider.added', seq, time, data: toStore(before, document) });

describe('stored providers', () => {
  it('version - the place of the event that stored it; ready and lost do not change it', () => {
    const first = added(nothing, 7, provider());
    expect(first.provider?.metadata).toEqual({
      ...{ name: 'vc1', generation: 1, creationTimestamp: time, resourceVersion: '7' },
    });
    expect(foldStored(first, { type: 'provider.lost', seq: 8, time, data: {} })).toEqual(first);
  });

  it('change - labels are one, without a new generation; the spec gives a new one; times stay', () => {
    const first = added(nothing, 1, provider());
    const labelled = added(first, 2, provider({ labels: { site: 'a' } }));
    expect(labelled.provider?.metadata).toMatchObject({ labels: { site: 'a' }, generation: 1, resourceVersion: '2' });
    const moved = added(labelled, 3, provider({}, { url: 'https://other.example.com/sdk' }));
    expect(moved.provider?.metadata).toMatchObject({ generation: 2, resourceVersion: '3' });
    expect(essence(first.provider!)).not.toBe(essence(labelled.provider!));
    expect(essence(first.provider!)).toBe(essence(provider({ resourceVersion: '9', labels: {} })));
  });

  it('removal - it is gone; added again, the generation goes on', () => {
    const gone = foldStored(added(nothing, 1, provider()), { type: 'provider.removed', seq: 2, time, data: {} });
    expect(gone.provider).toBeUndefined();
    expect(added(gone, 3, provider()).provider?.metadata.generation).toBe(2);
  });
});
