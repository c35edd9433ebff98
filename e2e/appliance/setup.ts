import { ownLab } from '../own-lab.ts';

/** A lab whose node holds the image with the appliance. */
export async function setup(): Promise<() => Promise<void>> {
  const lab = await ownLab('appliance', 'appliance/world.yaml', async () => {
    const { applianceImage } = await import('../../lab/setup/images.ts');
    return [(await applianceImage()).file];
  });
  await lab.up();
  return lab.down;
}
