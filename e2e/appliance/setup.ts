import { ownLab } from '../own-lab.ts';

/** A lab whose node holds the image with the appliance. */
export async function setup(): Promise<() => Promise<void>> {
  const lab = await ownLab('appliance', 'appliance/world.yaml', async () => {
    const { applianceImage } = await import('../../lab/setup/images.ts');
    const { installPackages } = await import('../../lab/setup/packages.ts');
    // What builds it.
    await installPackages();
    return [(await applianceImage()).file];
  });
  await lab.up();
  return lab.down;
}
