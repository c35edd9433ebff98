import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached, hashOf } from './cache.ts';
import { step } from './progress.ts';
import { go, goVersion } from './toolchain.ts';

const sources = fileURLToPath(new URL('../go/', import.meta.url));
const kubernetes = 'v1.35.4';
export const kubevirtVersion = 'v1.7.0';
const multus = 'gopkg.in/k8snetworkplumbingwg/multus-cni.v4/cmd/multus';

const stamp = (name: string, value: string) => `-X k8s.io/component-base/version.${name}=${value}`;
const labFlags = ['-s', '-w', stamp('gitVersion', kubernetes), stamp('gitMajor', '1'), stamp('gitMinor', '35')].join(
  ' ',
);
export const kubevirtFlags = `-s -w -X kubevirt.io/client-go/version.gitVersion=${kubevirtVersion}`;

/** What a Go module's programs are made from. */
export const moduleKey = async (name: string): Promise<string> =>
  hashOf([await goVersion(), { path: join(sources, name) }]);
export const moduleDir = (name: string): string => join(sources, name);

/** Where a machine has the programs ready: those of this module, and KubeVirt's (kubevirt.ts). */
export const readyBin = process.env.TRANSHIP_LAB_BIN;

/** The folder with `lab` and `multus`: ready ones, else built once. */
export async function labPrograms(): Promise<string> {
  if (readyBin) {
    for (const name of ['lab', 'multus'])
      if (!existsSync(join(readyBin, name))) throw new Error(`TRANSHIP_LAB_BIN=${readyBin} holds no program "${name}"`);
    return readyBin;
  }
  const key = hashOf([await moduleKey('lab'), await moduleKey('multus'), labFlags, multus]);
  return cached('lab', key, (out) =>
    step('building the lab’s programs: Kubernetes, etcd, NATS, vCenter simulator', 600, async (shown) => {
      const onLine = (line: string) => shown.detail(line);
      const labBuild = ['build', '-v', '-trimpath', '-ldflags', labFlags, '-o', join(out, 'lab'), '.'];
      await go(labBuild, { cwd: moduleDir('lab'), onLine });
      const multusBuild = ['build', '-v', '-trimpath', '-ldflags', '-s -w', '-o', join(out, 'multus'), multus];
      await go(multusBuild, { cwd: moduleDir('multus'), onLine });
    }),
  );
}
