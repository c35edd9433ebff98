import { documentExamples, validationSchema } from '@tranship/contracts';
import { expect, test } from 'vitest';
import { readyOf } from './tell.ts';

test('demo - of a world that is not its own all VMs move that validation finds nothing critical in', () => {
  const concern = (category: string) => ({
    ...{ id: 'vm.suspended', category, label: 'l', why: 'w', fix: 'f', path: 'p' },
  });
  const vm = (name: string, ...categories: string[]) => ({ id: name, name, concerns: categories.map(concern) });
  const vms = [vm('a'), vm('b', 'warning', 'critical'), vm('c', 'warning', 'information')];
  const validation = validationSchema.parse({ plan: documentExamples.Plan.metadata.name, ready: false, vms });
  expect(readyOf(validation)).toEqual(['a', 'c']);
});
