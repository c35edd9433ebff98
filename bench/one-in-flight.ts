import type { BlockSource, Range, Sink } from '@tranship/blocks';
import { pages } from '../libs/blocks/arena.ts';

const mib = 1024 * 1024;
/** What CDI's importer asks for at most, through vCenter. */
const most = 2 * mib;

/** Changed areas as CDI's importer copies them: block status where an area is large, then read, write, the next one. */
export async function oneInFlight(source: BlockSource, sink: Sink, ranges: readonly Range[]): Promise<void> {
  const memory = pages(most);
  for (const [offset, length] of ranges) {
    const areas = length >= mib ? await source.extents(offset, length) : [{ offset, length, zero: false }];
    for (const area of areas) {
      if (area.zero) await sink.zero(area.offset, area.length);
      for (let at = 0; !area.zero && at < area.length; at += most) {
        const part = memory.subarray(0, Math.min(most, area.length - at));
        await source.read(area.offset + at, part);
        await sink.write(area.offset + at, part);
      }
    }
  }
  await sink.flush();
}
