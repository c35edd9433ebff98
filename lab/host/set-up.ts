import { dirname } from 'node:path';
import { baseImage } from '../guests/base.ts';
import { labPrograms } from '../setup/go.ts';
import { images } from '../setup/images.ts';
import { kubevirtPrograms } from '../setup/kubevirt.ts';
import { installPackages } from '../setup/packages.ts';
import { stateDir } from '../state.ts';
import { readWorld } from '../world/schema.ts';
import { insist, judgeKernel, judgeMachine } from './preflight.ts';
import { probeKernel, probeMachine } from './probe.ts';

/** Everything heavy that a lab needs, made once; what the machine cannot give is told before. */
export async function setUp(
  world: string,
  cluster = true,
): Promise<{ bin: string; kubevirtBin: string; images: string[] }> {
  insist(judgeMachine(probeMachine()));
  await installPackages();
  insist(judgeKernel(await probeKernel(dirname(stateDir))));
  const bin = await labPrograms();
  for (const firmware of new Set(readWorld(world).spec.vms.flatMap((vm) => (vm.guest ? [vm.firmware] : []))))
    await baseImage(firmware);
  if (!cluster) return { bin, kubevirtBin: '', images: [] };
  return { bin, kubevirtBin: await kubevirtPrograms(), images: await images() };
}
