import { expect, test } from 'vitest';
import { program } from '../program.ts';
import { registers } from './index.ts';
import { behindVerb } from './lab.ts';

const behind = (...argv: string[]) => behindVerb(program(registers), argv);

test('lab - what stands behind the verb is handed on, whatever a value before it is called', () => {
  expect(behind('lab', 'up', '--world', 'f')).toEqual(['up', '--world', 'f']);
  expect(behind('--context', 'lab', 'lab', 'up')).toEqual(['up']);
  expect(behind('--context=lab', '--quiet', '-o', 'json', 'lab', 'status')).toEqual(['status']);
  expect(behind('-ojson', 'demo', '--world', 'demo')).toEqual(['--world', 'demo']);
  expect(behind('lab')).toEqual([]);
});
