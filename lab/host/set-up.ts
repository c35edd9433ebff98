import { dirname } from 'node:path';
import { baseImage } from '../guests/base.ts';
import { labPrograms } from '../setup/go.ts';
import { images } from '../setup/images.ts';
import { kubevirtPrograms } from '../setup/kubevirt.ts';
import { installPackages } from '../setup/packages.ts';
import { tell } from '../setup/progress.ts';
import { stateDir } from '../state.ts';
import { readWorld } from '../world/schema.ts';
import { insist, judgeKernel, judgeMachine } from './preflight.ts';
import { probeKernel, probeMachine } from './probe.ts';

/** Everything heavy that a lab needs, made once; what the machine cannot give is told before. */
export async function setUp(
  world: string,
  cluster = true,
): Promise<{ bin: string; kubevirtBin: string; images: string[] }> {
  const machine = probeMachine();
  insist(judgeMachine(machine));
  if (cluster && !machine.built)
    tell('the first time Kubernetes, KubeVirt, images and guests are made: about 20 min on two cores, less on more');
  await installPackages();
  insist(judgeKernel(await probeKernel(dirname(stateDir))));
  const guests = async () => {
    for (const vm of readWorld(world).spec.vms) if (vm.guest) await baseImage(vm);
  };
  // Side by side: packages of one Go build wait for each other, and leave cores idle.
  const [bin, kubevirtBin, archives] = await Promise.all([
    labPrograms(),
    cluster ? kubevirtPrograms() : '',
    cluster ? images() : [],
    guests(),
  ]);
  return { bin, kubevirtBin, images: archives };
}
