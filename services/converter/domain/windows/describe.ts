import type { FoundGuest } from '../describe.ts';
import { type WindowsFacts, winPaths } from './facts.ts';
import { interfaces } from './interfaces.ts';
import { toolsServices } from './rules/tools.ts';

/** What the files of a Windows tell. */
export function describeWindows(facts: WindowsFacts): FoundGuest {
  const { name, version, arch } = facts.windows;
  return {
    os: { family: 'windows', id: 'windows', name, version, arch },
    kernels: [],
    fragile: [],
    network: {
      managers: ['registry'],
      configs: interfaces(facts).map(({ name: own, mac, addresses }) => ({
        manager: 'registry',
        file: winPaths.system,
        ...(own === '' ? {} : { name: own }),
        ...(mac === undefined ? {} : { mac }),
        addresses: [...addresses],
      })),
    },
    tools: toolsServices(facts),
    loaders: ['bootmgr'],
  };
}
