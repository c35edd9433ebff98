import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const podRange = '10.88.9.0/24';

/** Configuration files of containerd, CNI and the kubelet. */
export function writeNodeFiles(dir: string, address: string, bin: string): void {
  for (const name of ['cni', 'cnibin', 'multus']) mkdirSync(join(dir, name), { recursive: true });
  writeFileSync(join(dir, 'containerd.toml'), containerd(dir));
  const bridge = {
    cniVersion: '0.4.0',
    name: 'lab',
    plugins: [
      {
        type: 'bridge',
        bridge: 'pods0',
        isGateway: true,
        ipMasq: false,
        ipam: {
          type: 'host-local',
          dataDir: join(dir, 'ipam'),
          ranges: [[{ subnet: podRange }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'loopback' },
    ],
  };
  const multus = {
    cniVersion: '0.4.0',
    name: 'multus',
    type: 'multus',
    kubeconfig: join(dir, 'admin.kubeconfig'),
    confDir: join(dir, 'cni'),
    cniDir: join(dir, 'multus'),
    binDir: join(dir, 'cnibin'),
    delegates: [bridge],
  };
  writeFileSync(join(dir, 'cni/00-multus.conf'), JSON.stringify(multus));
  writeFileSync(join(dir, 'cni/10-lab.conflist'), JSON.stringify(bridge));
  for (const plugin of readdirSync('/usr/lib/cni'))
    symlinkSync(join('/usr/lib/cni', plugin), join(dir, 'cnibin', plugin));
  symlinkSync(join(bin, 'multus'), join(dir, 'cnibin/multus'));
  writeFileSync(join(dir, 'kubelet.json'), JSON.stringify(kubelet(dir, address)));
}

const containerd = (dir: string) => `version = 2
root = "${dir}/containerd"
state = "${dir}/containerd-state"
[grpc]
  address = "${dir}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "lab.local/pause:1"
  restrict_oom_score_adj = true
  device_ownership_from_security_context = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${dir}/cnibin"
    conf_dir = "${dir}/cni"
[plugins."io.containerd.internal.v1.opt"]
  path = "${dir}/opt"
`;

const kubelet = (dir: string, address: string) => ({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  authentication: {
    anonymous: { enabled: false },
    webhook: { enabled: true },
    x509: { clientCAFile: `${dir}/pki/ca.crt` },
  },
  authorization: { mode: 'Webhook' },
  tlsCertFile: `${dir}/pki/kubelet.crt`,
  tlsPrivateKeyFile: `${dir}/pki/kubelet.key`,
  containerRuntimeEndpoint: `unix://${dir}/containerd.sock`,
  imageServiceEndpoint: `unix://${dir}/containerd.sock`,
  failCgroupV1: false,
  cgroupDriver: 'cgroupfs',
  cgroupsPerQOS: false,
  enforceNodeAllocatable: [],
  failSwapOn: false,
  address,
  port: 10250,
  readOnlyPort: 0,
  healthzPort: 0,
  evictionHard: {
    'memory.available': '1Mi',
    'nodefs.available': '1Mi',
    'imagefs.available': '1Mi',
    'nodefs.inodesFree': '1',
  },
  imageGCHighThresholdPercent: 100,
  imageGCLowThresholdPercent: 99,
  localStorageCapacityIsolation: false,
  podLogsDir: `${dir}/podlogs`,
  volumePluginDir: `${dir}/volume-plugins`,
  makeIPTablesUtilChains: false,
  protectKernelDefaults: false, // it sets copies: see init.sh
});
