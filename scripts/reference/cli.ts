import type { Command, Option } from 'commander';
import { registers } from '../../cli/commands/index.ts';
import { exits } from '../../cli/errors.ts';
import { program } from '../../cli/program.ts';
import { head, table } from './markdown.ts';

const exitCodes = Object.entries(exits).map(([name, code]) => `${code} ${name}`);
const intro = `\`--help\` behind each command says the same. Exit codes: ${exitCodes.join(', ')}.`;

/** Every command of \`tranship\`, with what it takes. */
export function commandLine(): string {
  const whole = program(registers);
  const parts = [
    '## Options of all commands',
    options(whole),
    ...whole.commands.flatMap((each) => of(each, 'tranship')),
  ];
  return `${head('Command line', intro, 'cli/')}\n${parts.filter(Boolean).join('\n\n')}\n`;
}

function of(command: Command, above: string): string[] {
  const name = `${above} ${command.name()}`;
  if (command.commands.length > 0) return command.commands.flatMap((each) => of(each, name));
  const takes = command.registeredArguments.map((each) => {
    const shown = each.variadic ? `${each.name()}...` : each.name();
    return each.required ? `<${shown}>` : `[${shown}]`;
  });
  return [`## ${[name, ...takes].join(' ')}`, command.description(), options(command)];
}

function options(command: Command): string {
  const rows = command.options.filter(({ hidden }) => !hidden).map((each) => [`\`${each.flags}\``, cell(about(each))]);
  return rows.length === 0 ? '' : table(['option', ''], rows);
}

function about({ description, argChoices, defaultValue }: Option): string {
  const more = [
    ...(argChoices ? [`one of ${argChoices.join(', ')}`] : []),
    ...(defaultValue === undefined || defaultValue === true ? [] : [`default ${String(defaultValue)}`]),
  ];
  return [description, ...more].filter(Boolean).join('; ');
}

const cell = (text: string) => text.replaceAll('|', '\\|');
