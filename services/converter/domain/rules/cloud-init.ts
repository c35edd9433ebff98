import { textFile } from '../changes.ts';
import { type Facts, filesBelow } from '../facts.ts';
import { concern, type Part } from '../part.ts';
import { paths } from '../paths.ts';

const file = `${paths.cloudInit}/99-tranship-network.cfg`;
const content = '# The network of this VM was kept as it came from vSphere.\nnetwork: {config: disabled}\n';
const disabled = /^network:[ \t]*(?:\{[ \t]*)?(?:\n[ \t]+)?config:[ \t]*["']?disabled/m;

/** cloud-init would write the network anew at its first start on other hardware, with DHCP where it finds no word. */
export function cloudInitRule(facts: Facts): Part {
  const there = facts.has('/etc/cloud') && !facts.has('/etc/cloud/cloud-init.disabled');
  const files = filesBelow(facts, paths.cloudInit, '.cfg');
  if (!there || files.some(({ text }) => disabled.test(text))) return {};
  return {
    changes: [textFile(file, content, 0o644)],
    concerns: [concern('guest.cloud-init', 'cloud-init is in the guest, and nothing kept it from the network')],
  };
}
