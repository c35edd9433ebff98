import { z } from 'zod';
import type { Ports } from '../ports.ts';

const number = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const areasSchema = z.array(z.tuple([number, number]));

/** Lists of changed areas, as inventory put them into the object store. */
export const storedAreas =
  (objects: { get(name: string): Promise<Uint8Array> }): Ports['areas'] =>
  async (name) =>
    areasSchema.parse(JSON.parse(Buffer.from(await objects.get(name)).toString()));
