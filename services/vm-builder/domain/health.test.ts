import { expect, test } from 'vitest';
import { nic, targetVm } from '../testing/fixtures.ts';
import { health, type Instance, linksUp } from './health.ts';

const mac = '00:50:56:AA:BB:01';
const kept = targetVm({
  nics: [nic({ mac, network: { type: 'multus', name: 'lan' }, addresses: ['10.0.0.5/24', 'FD00::5/64'] })],
});
const agent = { type: 'AgentConnected', status: 'True' };
const vmi = (more: Instance['status'] = {}): Instance => ({
  status: {
    ...{ phase: 'Running', nodeName: 'n1', conditions: [agent] },
    interfaces: [{ mac: mac.toLowerCase(), interfaceName: 'ens192', ipAddresses: ['10.0.0.5', 'fd00::5'] }],
    ...more,
  },
});

test('health - running, with the agent and every kept address, is proven', () => {
  expect(health(vmi(), kept)).toEqual({
    ...{ running: true, agent: true, proven: true, node: 'n1', seen: 'the VM is Running; the guest agent answers' },
    nics: [{ mac: '00:50:56:aa:bb:01', name: 'ens192', addresses: ['10.0.0.5', 'fd00::5'] }],
  });
});

test.each([
  ['no VMI', undefined, 'the VM is not there; the guest agent does not answer'],
  ['a VM that only starts', vmi({ phase: 'Scheduling' }), 'the VM is Scheduling; the guest agent answers'],
  ['no agent', vmi({ conditions: [] }), 'the VM is Running; the guest agent does not answer'],
  ['an agent that went away', vmi({ conditions: [{ ...agent, status: 'False' }] }), 'the guest agent does not answer'],
  ['no NIC', vmi({ interfaces: [] }), 'the guest has no address 10.0.0.5, fd00::5'],
  [
    'the address on another NIC',
    vmi({ interfaces: [{ mac: '00:50:56:aa:bb:99', ipAddresses: ['10.0.0.5', 'fd00::5'] }] }),
    'the guest has no address 10.0.0.5, fd00::5',
  ],
  ['one address of two', vmi({ interfaces: [{ mac, ipAddress: '10.0.0.5' }] }), 'the guest has no address fd00::5'],
])('health - %s is not proven, and it is said why', (_, instance, seen) => {
  const { proven, seen: said } = health(instance, kept);
  expect(proven).toBe(false);
  expect(said).toContain(seen);
});

test('health - the address behind masquerade is the pod’s, so none is expected there', () => {
  const masked = targetVm({ nics: [nic({ mac, addresses: ['10.0.0.5/24'] })] });
  expect(health(vmi({ interfaces: [{ mac, ipAddress: '10.244.0.9' }] }), masked).proven).toBe(true);
});

test('health - conditions that are not met are told, save that it cannot migrate live', () => {
  const conditions = [
    agent,
    { type: 'LiveMigratable', status: 'False', message: 'its volumes are not shared' },
    { type: 'Ready', status: 'False', reason: 'GuestNotRunning' },
  ];
  expect(health(vmi({ conditions }), kept).seen).toBe(
    'the VM is Running; the guest agent answers; Ready: GuestNotRunning',
  );
});

test('health - an interface without a MAC is none of the guest’s NICs', () => {
  expect(health(vmi({ interfaces: [{ ipAddress: '10.0.0.5' }] }), kept).nics).toEqual([]);
});

test('links - one that is down is seen; a KubeVirt that does not tell of links is believed', () => {
  const told = (...states: (string | undefined)[]) =>
    linksUp(vmi({ interfaces: states.map((linkState) => (linkState === undefined ? {} : { linkState })) }));
  expect([told('up', 'down'), told('up', 'up'), told(undefined), linksUp(undefined)]).toEqual([
    false,
    true,
    true,
    true,
  ]);
});
