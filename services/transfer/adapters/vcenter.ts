import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { list, type Ref, VSphere } from '@tranship/vsphere';
import { z } from 'zod';
import type { Config } from '../config.ts';
import type { SourceRequest } from '../ports.ts';

/** A session of its own at the VM's vCenter, with the credentials of the workbench. */
export function vcenterOf(
  { credentialsDir }: Config,
  { url, thumbprint, secret }: SourceRequest['connection'],
): VSphere {
  const read = (name: string) => readFile(join(credentialsDir, secret, name), 'utf8');
  const login = async () => ({
    username: (await read('username')).trim(),
    password: (await read('password')).replace(/\n$/, ''),
  });
  return new VSphere({ url, trust: { thumbprint }, login });
}

/** What a disk is read of: the VM, or its snapshot. */
export const readOf = ({ vm, snapshot }: Pick<SourceRequest, 'vm' | 'snapshot'>): Ref =>
  snapshot === undefined ? { type: 'VirtualMachine', value: vm } : { type: 'VirtualMachineSnapshot', value: snapshot };

const deviceSchema = z.object({
  key: z.coerce.number(),
  backing: z.object({ fileName: z.string().optional() }).optional(),
});

/** The file that a disk lies in now, by its device; undefined where there is no such disk. */
export async function fileNow(config: Config, request: SourceRequest): Promise<string | undefined> {
  const client = vcenterOf(config, request.connection);
  try {
    const [read] = await client.read([readOf(request)], ['config.hardware.device']);
    const devices = list(read?.properties['config.hardware.device']).map((each) => deviceSchema.parse(each));
    return devices.find(({ key }) => key === request.key)?.backing?.fileName;
  } finally {
    await client.close();
  }
}
