import { join } from 'node:path';
import { Disk, type Kept, Ledger, type PassOptions, type PassRequest, prove, restore } from '../index.ts';
import { runPass } from '../pass.ts';
import type { Binding } from '../state.ts';
import type { MemorySource } from './source.ts';

/** One disk of a VM, its target and its scratch volume in a folder. */
export class Copy {
  readonly dir: string;
  readonly binding: Binding;

  constructor(dir: string, sizeBytes: number, more: Partial<Binding> = {}) {
    this.dir = dir;
    this.binding = { vm: 'vm-1', disk: 0, key: 2000, sizeBytes, ...more };
  }

  get image(): string {
    return join(this.dir, 'disk.img');
  }

  async with<T>(use: (ledger: Ledger, sink: Disk) => Promise<T>): Promise<T> {
    const ledger = await Ledger.open(this.dir, this.binding);
    const sink = await Disk.file(this.image, this.binding.sizeBytes);
    try {
      return await use(ledger, sink);
    } finally {
      await Promise.all([sink.close(), ledger.close()]);
    }
  }

  pass(source: MemorySource, request: PassRequest, more: Partial<PassOptions> = {}, kept?: Kept) {
    const { sizeBytes } = this.binding;
    return this.with(async (ledger, sink) => {
      if (kept) await restore(kept, sink, { ledger, sizeBytes });
      return runPass({ source: async () => source, sink, ledger, sizeBytes, request, ...more });
    });
  }

  prove(pass: number) {
    const { sizeBytes } = this.binding;
    return this.with((ledger, sink) => prove({ sink, ledger, sizeBytes, pass }));
  }

  /** The last finished pass, as it is kept elsewhere. */
  async keep(): Promise<Kept> {
    return this.with(async (ledger) => {
      const pages: (Buffer | undefined)[] = [];
      for await (const page of ledger.pages()) pages.push(page);
      return { binding: ledger.binding, head: ledger.head!, pages: from(pages) };
    });
  }
}

async function* from<T>(all: readonly T[]): AsyncGenerator<T> {
  yield* all;
}
