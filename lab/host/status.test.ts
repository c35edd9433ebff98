import { expect, test } from 'vitest';
import { below, type Process } from './processes.ts';
import { guestsOf, partOf, parts } from './status.ts';

test.each([
  ['/cache/lab-1/lab nats -c /s/nats.conf', 'nats'],
  ['/cache/lab-1/lab controller-manager --kubeconfig=x', 'controller-manager'],
  ['/repo/node /repo/lab/node/supervisor.ts', 'supervisor'],
  ['bash /repo/lab/node/init.sh /s 10.89.1.2 /repo/node /repo/lab/node/supervisor.ts', undefined],
  ['virt-api --port 8443', 'virt-api'],
  ['/usr/bin/virt-handler --port 8443', 'virt-handler'],
  ['containerd -c /s/containerd.toml', 'containerd'],
  ['/usr/bin/containerd-shim-runc-v2 -namespace k8s.io', undefined],
  ['qemu-system-x86_64 -machine q35 -name web-01 -display none', 'guest web-01 (vSphere)'],
  ['/usr/bin/qemu-system-x86_64 -name guest=apps_web-01,debug-threads=on -S', 'guest apps/web-01 (KubeVirt)'],
  ['', undefined],
])('status - %j is %s', (line, name) => {
  expect(partOf(line.split(' '))).toBe(name);
});

const process = (pid: number, parent: number, line: string): Process => ({
  pid,
  parent,
  words: line.split(' '),
  rssMB: 10.4,
});

test('status - a part that is down is told; what is no part is counted', () => {
  const all = parts([process(5, 1, '/c/lab nats'), process(6, 1, '/c/lab vcsim'), process(7, 1, 'sleep 5')], false);
  expect(all).toEqual([
    { name: 'supervisor', running: false, pid: null, rssMB: 0 },
    { name: 'nats', running: true, pid: 5, rssMB: 10 },
    { name: 'vcsim', running: true, pid: 6, rssMB: 10 },
    { name: 'others', running: true, pid: 7, rssMB: 10 },
  ]);
  expect(guestsOf(parts([process(5, 1, 'qemu-system-x86_64 -name a')], true))).toHaveLength(1);
});

test('status - the lab is what stands below its first process', () => {
  const all = [process(10, 1, 'init'), process(11, 10, 'part'), process(12, 11, 'pod'), process(13, 1, 'stranger')];
  expect(below(all, 10).map(({ pid }) => pid)).toEqual([10, 11, 12]);
});
