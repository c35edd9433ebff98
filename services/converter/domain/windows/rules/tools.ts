import { controlSets, type WindowsFacts, type WindowsPart } from '../facts.ts';
import { dword } from '../registry.ts';

const uninstall = 'Microsoft\\Windows\\CurrentVersion\\Uninstall';
const product = /^\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\}$/i;
/** Programs of VMware Tools that start by themselves. Its drivers are left: without their devices they do nothing, and what filters others must stay. */
const services = [
  'VMTools',
  'VGAuthService',
  'vm3dservice',
  'GISvc',
  'VMware Physical Disk Helper Service',
  'VMwareCAFCommAmqpListener',
  'VMwareCAFManagementAgentHost',
] as const;
const disabled = 4;
const maxPrograms = 5000;

/** The installer's own name for VMware Tools. */
export const toolsProduct = ({ software }: Pick<WindowsFacts, 'software'>): string | undefined =>
  software
    .keys(uninstall)
    .slice(0, maxPrograms)
    .find((name) => product.test(name) && software.value(`${uninstall}\\${name}`, 'DisplayName') === 'VMware Tools');

export const toolsServices = (facts: WindowsFacts): string[] =>
  services.filter((name) => controlSets(facts).some((set) => facts.system.has(`${set}\\Services\\${name}`)));

/** VMware's own programs are not started any more; what is left of them goes at the first start. */
export const toolsRule = (facts: WindowsFacts): WindowsPart => ({
  system: controlSets(facts).flatMap((set) =>
    services
      .map((name) => `${set}\\Services\\${name}`)
      .filter((key) => facts.system.has(key))
      .map((key) => ({ key, values: { Start: dword(disabled) } })),
  ),
});
