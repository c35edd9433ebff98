import { expect, test } from 'vitest';
import { firstStartScript } from './script.ts';

const from = {
  id: '{11111111-2222-3333-4444-555555555555}',
  luid: '0000000900000600',
  name: 'Ethernet0',
  addresses: [],
};
const lines = (given: Parameters<typeof firstStartScript>[0]) => firstStartScript(given).split('\r\n');

test('script - a NIC by its MAC, with where its settings lie, and no word of the guest', () => {
  const { luid: _, ...bare } = from;
  const script = lines({
    nics: [
      { mac: '00:50:56:aa:00:01', from },
      { mac: '00:50:56:aa:00:02', from: { ...bare, name: 'a & del %x% "b"' } },
    ],
  });
  expect(script).toContain(`call :nic 005056AA0001 ${from.id} 0000000900000600`);
  expect(script).toContain(`call :nic 005056AA0002 ${from.id} none`);
  expect(script.join()).not.toContain('del ');
});

test('script - every routine that is called is there, ends, and every bracket is closed', () => {
  const text = firstStartScript({
    nics: [{ mac: '00:50:56:aa:00:01', from }],
    agent: 'qemu-ga-x86_64.msi',
    toolsProduct: '{P}',
  });
  const own = text.split('\r\n');
  for (const [, label] of text.matchAll(/call (:\w+)/g)) expect(own).toContain(label);
  let open = 0;
  for (const line of own) {
    const bare = line.replace(/"[^"]*"/g, '').replace(/'.*?'/g, '');
    open += (bare.match(/\(/g) ?? []).length - (bare.match(/\)/g) ?? []).length;
    expect(open).toBeGreaterThanOrEqual(0);
    if (line.startsWith(':')) expect(open).toBe(0);
  }
  expect(open).toBe(0);
  expect(text).not.toMatch(/powershell|wmic/i);
  expect(own.every((line) => !line.includes('\n'))).toBe(true);
});

test('script - drivers and NICs first, then a start, then what has an installer of its own', () => {
  const text = firstStartScript({
    nics: [{ mac: '00:50:56:aa:00:01', from }],
    agent: 'qemu-ga-x86_64.msi',
    toolsProduct: '{P}',
  });
  const at = ['pnputil.exe', 'call :nic', 'shutdown.exe /r', 'qemu-ga-x86_64.msi', '/x {P}', 'sc.exe delete'].map(
    (part) => text.indexOf(part),
  );
  expect(at.every((place) => place > 0)).toBe(true);
  expect([...at].sort((a, b) => a - b)).toEqual(at);
  expect(firstStartScript({ nics: [] })).not.toContain('msiexec');
});
