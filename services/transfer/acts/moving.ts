import type { Sink, StreamSource } from '@tranship/blocks';
import type { Ports, SourceDisk } from '../ports.ts';

/** The same disks, of which each read and write that ends is told: a step ends in which there is none for long. */
export function moving(ports: Ports, moved: () => void): Ports {
  const { volumes } = ports;
  return {
    ...ports,
    openSource: async (request, signal) => {
      const source = await ports.openSource(request, signal);
      return { ...movingSource(source, moved), via: source.via };
    },
    volumes: {
      ...volumes,
      open: async (disk) => movingSink(await volumes.open(disk), moved),
      existing: async (disk) => movingSink(await volumes.existing(disk), moved),
    },
  };
}

const after = async <T>(work: Promise<T>, moved: () => void): Promise<T> => {
  const done = await work;
  moved();
  return done;
};

function movingSource(source: SourceDisk, moved: () => void): SourceDisk {
  if (!('pieces' in source)) return { ...source, read: (offset, target) => after(source.read(offset, target), moved) };
  // What goes by unread has moved too: a stream begins at its beginning.
  async function* pieces() {
    for await (const piece of (source as StreamSource).pieces()) {
      moved();
      yield piece;
    }
  }
  return { ...source, pieces };
}

function movingSink(sink: Sink, moved: () => void): Sink {
  const { path, isNew, holdsData, outlivesUs, discardBytes } = sink;
  return {
    ...{ path, isNew, holdsData, outlivesUs, discardBytes },
    ...(sink.extents ? { extents: (offset: number, length: number) => sink.extents!(offset, length) } : {}),
    clearFrom: (offset) => sink.clearFrom(offset),
    read: (offset, target) => after(sink.read(offset, target), moved),
    write: (offset, data) => after(sink.write(offset, data), moved),
    zero: (offset, length) => after(sink.zero(offset, length), moved),
    flush: () => after(sink.flush(), moved),
    forget: () => sink.forget(),
    close: () => sink.close(),
  };
}
