import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { textIn, tree } from '../../testing/tree.ts';
import { together } from '../part.ts';
import { agentRule } from './agent.ts';

const plan = (files: Record<string, string>) =>
  together([agentRule(tree({ '/lib/systemd/system/timers.target': '', ...files }))]);
const service = '/etc/systemd/system/tranship-agent.service';
const timer = '/etc/systemd/system/tranship-agent.timer';

test('agent - without packages at hand the guest fetches it itself, once, after its first start: by the tool that it has', () => {
  for (const program of ['apt-get', 'dnf', 'yum', 'zypper']) {
    const found = plan({ [`/usr/bin/${program}`]: '' });
    const text = textIn(found, service)!;
    expect(text).toContain(`/usr/bin/${program} `);
    // Nothing of it may count as failed, and only what changes nothing is cut off.
    const commands = text.split('\n').filter((line) => line.startsWith('ExecStart='));
    expect(commands.every((line) => line.startsWith('ExecStart=-/usr/bin/'))).toBe(true);
    expect(commands.filter((line) => line.includes('/timeout 300')).every((line) => /update|download/.test(line))).toBe(
      true,
    );
    expect(commands.at(-1)).toBe('ExecStart=-/usr/bin/systemctl disable tranship-agent.timer');
    expect(found.changes).toContainEqual({
      kind: 'link',
      path: '/etc/systemd/system/timers.target.wants/tranship-agent.timer',
      target: timer,
    });
    expect(found.concerns).toMatchObject([{ id: 'guest.agent-later', category: 'information' }]);
    expect(found.agent).toBe('later');
  }
});

test('agent - one that is there, or is waited for already, changes nothing; a guest without systemd or a tool is told of', () => {
  for (const path of ['/usr/sbin/qemu-ga', '/usr/bin/qemu-ga', '/usr/libexec/qemu-ga'])
    expect(plan({ '/usr/bin/apt-get': '', [path]: '' })).toMatchObject({ changes: [], concerns: [], agent: 'present' });
  expect(plan({ '/usr/bin/apt-get': '', [timer]: '' }).changes).toEqual([]);
  expect(plan({})).toMatchObject({ concerns: [{ id: 'guest.agent' }], agent: 'absent' });
  const old = together([agentRule(tree({ '/usr/bin/apt-get': '' }))]);
  expect(old).toMatchObject({ changes: [], concerns: [{ id: 'guest.agent' }] });
});

test('agent - laid in from the media it is there; where udev starts no units of systemd, nobody knows whether it starts', () => {
  const control = new Map([...Object.entries({ Package: 'qemu-guest-agent', Version: '1', Architecture: 'amd64' })]);
  const media = [{ control, info: new Map(), files: [] }];
  const status = { '/var/lib/dpkg/status': 'Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\n\n' };
  const laid = (files: Record<string, string>) => together([agentRule({ ...tree({ ...status, ...files }), media })]);
  expect(textIn(laid({}), '/var/lib/dpkg/status')).toContain('Package: qemu-guest-agent');
  expect(laid({ '/lib/systemd/system/timers.target': '' }).agent).toBe('present');
  expect(laid({}).agent).toBe('unknown');
});

test('agent - one whose unit somebody replaced, perhaps by nothing, is not counted on', () => {
  const masked = { '/usr/sbin/qemu-ga': '', '/etc/systemd/system/qemu-guest-agent.service': '' };
  expect(plan(masked)).toMatchObject({ changes: [], agent: 'unknown' });
});

test('agent - systemd takes the units as they are written', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tranship-units-'));
  try {
    const found = plan({ '/usr/bin/apt-get': '' });
    const files = [service, timer].map((path) => {
      const file = join(folder, path.slice(path.lastIndexOf('/') + 1));
      writeFileSync(file, textIn(found, path)!);
      return file;
    });
    const said = execFileSync('systemd-analyze', ['verify', '--man=no', ...files], { timeout: 30_000, stdio: 'pipe' });
    expect(said.toString()).toBe('');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
