#!/usr/bin/env node
import { registers } from './commands/index.ts';
import { program, run } from './program.ts';

// A reader that has seen enough (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

await run(program(registers), process.argv.slice(2));
