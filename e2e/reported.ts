import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { expect } from 'vitest';
import { sourceFile } from '../lab/host/volumes.ts';
import type { Before } from '../scripts/demo/guest.ts';
import { exitCode, jsonLine } from '../scripts/demo/result.ts';
import { report } from '../scripts/demo/tell.ts';
import type { Story } from './story.ts';

/** A line that begins so. */
export const line = (pattern: string) => expect.stringMatching(new RegExp(`^${pattern}`));

/** What the demo says of web-01 in the end, which has moved well; and what where its source is not what was copied. */
export async function reported(story: Story, migration: string, before: Before): Promise<void> {
  const end = await story.status(migration);
  const said: string[] = [];
  const tell = () => report(story.api, end, story.lab, before, (text = '') => said.push(...text.split('\n')));
  const { vms, answered } = await tell();
  expect(said).toContainEqual(
    line('VM +STATE +DISKS +TIME +DOWNTIME +PROOF +SEEN FROM OUTSIDE +NIC BEFORE +NIC AFTER$'),
  );
  const moved = 'web-01 +succeeded +1.0 GiB +[0-9]+ s +[0-9]+ s +proven +equal, then converted';
  expect(said).toContainEqual(line(`${moved} +ens192 192.168.76.10/24 +ens192 192.168.76.10$`));
  const files = said.slice(said.indexOf('What the conversion changed in web-01:'));
  expect(files).toContainEqual(line(' +changed +/boot/initrd.img-'));
  expect(files).toContainEqual(line(' +new +/etc/systemd/network/10-tranship-ens192.link$'));
  expect(files).toContainEqual(line(' +new +[0-9]+ files of the guest agent'));
  const [, now, was] = /its counter stands at (\d+); it was (\d+) on VMware\.$/.exec(said.at(-1)!)!.map(Number);
  expect(was).toBe(before.counter);
  expect(now).toBeGreaterThan(was!);
  expect(exitCode(vms, answered)).toBe(0);

  const number = expect.any(Number);
  const addresses = expect.arrayContaining(['192.168.76.10']);
  const web = {
    ...{
      name: 'web-01',
      state: 'succeeded',
      bytes: 1024 ** 3,
      seconds: number,
      downtimeSeconds: number,
      proof: 'proven',
    },
    nics: expect.arrayContaining([{ name: 'ens192', mac: '00:50:56:aa:cc:10', addresses }]),
  };
  expect(JSON.parse(jsonLine({ migration, vms, seconds: 90 }))).toEqual({ migration, vms: [web], seconds: 90 });

  const source = sourceFile('fast-ds', 'web-01', 0);
  flip(source);
  const other = await tell().finally(() => flip(source));
  expect(other.vms).toMatchObject([{ state: 'succeeded', proof: 'DIFFERS' }]);
  expect(exitCode(other.vms, other.answered)).toBe(1);
}

/** The first byte of a file becomes another, or what it was before. */
function flip(file: string): void {
  const handle = openSync(file, 'r+');
  const byte = Buffer.alloc(1);
  readSync(handle, byte, 0, 1, 0);
  writeSync(handle, Buffer.of(byte[0]! ^ 1), 0, 1, 0);
  closeSync(handle);
}
