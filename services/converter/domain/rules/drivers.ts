import { type Change, textFile } from '../changes.ts';
import { type Facts, filesBelow, textOf } from '../facts.ts';
import { initramfsChange, makerOf, withModules } from '../initramfs.ts';
import { type Part, type Refusal, refuse } from '../part.ts';
import { paths } from '../paths.ts';
import { steadyCrypttabs, steadyResume } from './devices.ts';

const dropIn = `${paths.dracut}/90-tranship.conf`;

/** virtio in every initramfs, and in those that the guest will make itself. */
export function driversRule(facts: Facts): Part {
  const { kernels } = facts;
  if (kernels.length === 0)
    return { refusals: [refuse('guest.initramfs-unsupported', 'no kernel with an initramfs was found in /boot')] };
  const resume = steadyResume(facts);
  const found = kernels.flatMap((kernel): (Change | Refusal)[] => {
    const ofTools = resume !== undefined && makerOf(kernel) === 'initramfs-tools';
    const extra = new Map(ofTools ? [['conf/conf.d/resume', Buffer.from(resume)]] : []);
    for (const [path, text] of steadyCrypttabs(facts, kernel)) extra.set(path, Buffer.from(text));
    return [initramfsChange(kernel, extra) ?? []].flat();
  });
  const makers = new Set(kernels.map(makerOf));
  const names = [...new Set(kernels.flatMap(({ needed }) => needed.names))];
  return {
    changes: [
      ...found.filter((each) => 'kind' in each),
      ...(makers.has('initramfs-tools') ? forTools(facts, names) : []),
      ...(makers.has('dracut') ? forDracut(facts, names) : []),
    ],
    refusals: found.filter((each) => 'code' in each),
  };
}

function forTools(facts: Facts, names: readonly string[]): Change[] {
  const before = textOf(facts, paths.modules) ?? '';
  const after = withModules(before, names);
  return after === before ? [] : [textFile(paths.modules, after)];
}

/** dracut looks at the machine that it runs on: once more on VMware's, it would leave virtio out again. */
function forDracut(facts: Facts, names: readonly string[]): Change[] {
  const stated = [
    ...filesBelow(facts, paths.dracut, '.conf').map(({ text }) => text),
    textOf(facts, paths.dracutOld) ?? '',
  ];
  const words = new Set(
    stated.flatMap((text) =>
      [...text.matchAll(/^[ \t]*(?:add|force)_drivers\+?=["']?([^"'\n]*)/gm)].flatMap((match) =>
        match[1]!.split(/\s+/),
      ),
    ),
  );
  const wanted = names.filter((name) => !words.has(name));
  return wanted.length === 0 ? [] : [textFile(dropIn, `add_drivers+=" ${wanted.join(' ')} "\n`, 0o644)];
}
