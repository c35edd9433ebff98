import { afterAll, beforeAll, expect, test } from 'vitest';
import { kubectl, kubectlJson } from '../lab/host/kubectl.ts';
import { Story } from './story.ts';

let story: Story;
beforeAll(async () => {
  story = await Story.begin();
});
afterAll(() => story?.end());

const spread = {
  transferNetwork: 'apps/vlan21',
  networkMap: { entries: [{ source: { name: 'VM Network' }, target: { type: 'pod' } }] },
};

test('reach - a blank VM that vSphere calls a Windows, read by a transfer network, onto the pod network and a class that binds at once; what workbench and launcher say is read by kubectl', async () => {
  const defaults = { targetPower: 'on', health: { agent: 'ignore' } };
  await story.plan('pods', [{ name: 'pod-01' }], { ...spread, defaults }, { storageClass: 'prompt' });
  await story.control('/delays', { VixDiskLib_Read: 500 });
  const migration = await story.start('pods');
  await story.happened(migration, 'vm.powered-off');
  const { items: workbench } = await kubectlJson(['get', 'pod', '-n', 'tranship-work']);
  const named = (container: string) =>
    kubectl(['logs', '-n', 'tranship-work', workbench[0].metadata.name, '-c', container]);
  // The transfer network is a second interface, as multus tells it.
  const interfaces = JSON.parse(workbench[0].metadata.annotations['k8s.v1.cni.cncf.io/network-status']);
  expect(interfaces.map(({ name }: { name: string }) => name)).toContain('apps/vlan21');
  for (const container of ['transfer', 'converter'])
    await story.eventually(async () => (await named(container)).includes(`"service":"${container}"`), 30);
  await story.control('/delays', {});
  const { state, vms } = await story.finished(migration);
  expect(vms[0]?.error).toBeUndefined();
  expect(state).toBe('succeeded');

  const claim = await kubectlJson(['get', 'pvc', 'pod-01-disk-0', '-n', 'apps']);
  expect(claim.spec.storageClassName).toBe('prompt');
  expect((await kubectlJson(['get', 'storageclass', 'prompt'])).volumeBindingMode).toBe('Immediate');
  const vm = await kubectlJson(['get', 'vm', 'pod-01', '-n', 'apps']);
  expect(vm.spec.template.spec.networks).toEqual([expect.objectContaining({ pod: {} })]);
  expect(vm.spec.template.spec.domain.devices.interfaces).toEqual([
    expect.objectContaining({ masquerade: {}, macAddress: '00:50:56:aa:cc:30' }),
  ]);
  // What a Windows likes of a hypervisor is taken by KubeVirt, and QEMU runs with it.
  expect(vm.spec.template.spec.domain.features.hyperv).toMatchObject({ vpindex: {}, synictimer: { direct: {} } });
  // Masquerade works: the VM has its pod's address.
  const launcher = ['pod', '-n', 'apps', '-l', 'kubevirt.io=virt-launcher'];
  const { items: launchers } = await kubectlJson(['get', ...launcher]);
  await story.eventually(
    async () =>
      (await kubectlJson(['get', 'vmi', 'pod-01', '-n', 'apps'])).status.interfaces?.[0]?.ipAddress ===
      launchers[0].status.podIP,
    60,
  );
  expect(await kubectl(['logs', '-n', 'apps', launchers[0].metadata.name, '-c', 'compute'])).toContain('virt-launcher');
  expect(await story.leftovers()).toEqual([]);
});
