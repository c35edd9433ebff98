import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { TranshipError } from '@tranship/contracts';
import { createLayer, type Layer } from '../layer.ts';
import type { Answers, Request } from './messages.ts';

const [startMs, requestMs, endMs] = [30_000, 300_000, 120_000];
const helper = fileURLToPath(new URL('helper.ts', import.meta.url));

export interface Region {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

/** A file system mounted over an overlay: what is written goes into a qcow2 file of ours, and the disk stays as it is. */
export class Session {
  readonly folder: string;
  readonly layer: Layer;
  readonly #children: ChildProcess[] = [];
  #lines: AsyncIterator<string> | undefined;
  #errors = '';

  private constructor(folder: string, { path, offset }: Region) {
    this.folder = folder;
    this.layer = { file: join(folder, 'overlay.qcow2'), path, offset };
  }

  static async open(region: Region, type: string, scratch: string, signal: AbortSignal): Promise<Session> {
    mkdirSync(scratch, { recursive: true });
    const session = new Session(mkdtempSync(join(scratch, 'mount-')), region);
    try {
      await session.#start(region.length, type, scratch, signal);
      return session;
    } catch (error) {
      await session.end();
      throw error;
    }
  }

  async #start(length: number, type: string, scratch: string, signal: AbortSignal): Promise<void> {
    await createLayer(this.layer, length, signal);
    const exported = join(this.folder, 'disk');
    writeFileSync(exported, '');
    const nodes = [`driver=file,node-name=file,filename=${this.layer.file}`, 'driver=qcow2,node-name=disk,file=file'];
    this.#spawn('qemu-storage-daemon', [
      ...nodes.flatMap((node) => ['--blockdev', node]),
      '--export',
      `type=fuse,id=disk,node-name=disk,mountpoint=${exported},writable=on`,
    ]);
    for (let waited = 0; statSync(exported).size === 0; waited += 20) {
      if (waited > startMs || this.#ended) throw failed(`qemu-storage-daemon did not start: ${this.#errors.trim()}`);
      await sleep(20, undefined, { signal });
    }
    const inside = ['-m', '--propagation', 'private', '--', process.execPath, helper];
    const child = this.#spawn('unshare', [...inside, exported, join(this.folder, 'root'), type, scratch]);
    this.#lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
    await this.#next(startMs);
  }

  async ask<K extends Request['do']>(request: Request & { readonly do: K }): Promise<Answers[K]> {
    this.#children[1]!.stdin!.write(`${JSON.stringify(request)}\n`);
    const { answer, error } = (await this.#next(requestMs)) as { answer?: Answers[K]; error?: string };
    if (error !== undefined) throw failed(error);
    return answer!;
  }

  /** Unmounts, and lets go of the overlay; its file stays until {@link remove}. */
  async end(): Promise<void> {
    for (const child of this.#children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.stdin!.end();
      if (child.spawnfile === 'qemu-storage-daemon') child.kill('SIGTERM');
      await Promise.race([gone, sleep(endMs, undefined, { ref: false })]);
      child.kill('SIGKILL');
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #spawn(program: string, args: readonly string[]): ChildProcess {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    child.on('error', (error) => {
      this.#errors += error.message;
    });
    child.stdin!.on('error', () => {});
    child.stderr!.on('data', (text: Buffer) => {
      this.#errors = (this.#errors + text.toString()).slice(-2000);
    });
    this.#children.push(child);
    return child;
  }

  get #ended(): boolean {
    return this.#children.some(({ exitCode, signalCode, pid }) => exitCode !== null || signalCode !== null || !pid);
  }

  async #next(deadlineMs: number): Promise<unknown> {
    const late = sleep(deadlineMs, undefined, { ref: false }).then(() => undefined);
    const line = await Promise.race([this.#lines!.next(), late]);
    if (!line || line.done) throw failed(`it cannot be mounted: ${this.#errors.trim()}`);
    return JSON.parse(line.value);
  }
}

const failed = (what: string) => new TranshipError('guest.conversion', `mount engine: ${what}`, { retry: true });
