import { withRoot } from './guests/systems.ts';

await withRoot({ release: 'bookworm', maker: 'initramfs-tools', manager: 'networkd' }, async () => {});
