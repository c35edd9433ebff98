import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TranshipError } from '@tranship/contracts';
import { NbdClient } from '@tranship/nbd';
import type { Clock } from '@tranship/service-kit';
import type { Config } from '../config.ts';
import { meaning, vddkArguments } from '../domain/vddk.ts';
import type { OpenSource } from '../ports.ts';
import { Nbdkit } from './nbdkit.ts';

/** Reads a VMware disk by nbdkit and the disk library: one process and one connection a disk. */
export const vddkSource =
  (config: Config, clock: Clock): OpenSource =>
  async ({ connection, vm, file, snapshot }, signal) => {
    const secret = join(config.credentialsDir, connection.secret);
    const args = vddkArguments({
      plugin: config.vddkPlugin,
      libdir: connection.libdir ?? config.vddkLibdir,
      url: connection.url,
      username: (await readFile(join(secret, 'username'), 'utf8')).trim(),
      passwordFile: join(secret, 'password'),
      thumbprint: connection.thumbprint,
      vm,
      snapshot,
      file,
    });
    const server = await Nbdkit.start(args, signal, clock);
    try {
      const client = await NbdClient.connect({ socket: server.socket });
      // What is asked of a source that hangs would be waited for until its deadline.
      const stop = () => void server.stop();
      signal.addEventListener('abort', stop, { once: true });
      return {
        size: client.size,
        read: (offset, target) => client.read(offset, target),
        extents: (offset, length) => client.extents(offset, length),
        close: async () => {
          signal.removeEventListener('abort', stop);
          await client.close();
          await server.stop();
        },
      };
    } catch (error) {
      await server.stop();
      const { code, retry, detail } = meaning(server.log);
      throw new TranshipError(code, `${file}: ${detail || (error as Error).message}`, { retry, cause: error });
    }
  };
