import { baseConfig, envName, workbenchConfig } from '@tranship/service-kit';
import type { z } from 'zod';
import { configSchema as converter } from '../../services/converter/config.ts';
import { configSchema as gateway } from '../../services/gateway/config.ts';
import { configSchema as planner } from '../../services/planner/config.ts';
import { configSchema as transfer } from '../../services/transfer/config.ts';
import { configSchema as vmBuilder } from '../../services/vm-builder/config.ts';
import { cell, head, shapeOf, table, typeOf } from './markdown.ts';

const intro = `Each service reads a file of JSON (\`--config FILE\`, or \`TRANSHIP_CONFIG\`), and over it the environment: \`natsUrl\` of the file
is \`TRANSHIP_NATS_URL\`. \`--check-config\` tells whether they hold. Those of transfer and converter are given to them by vm-builder, which
runs them in a workbench for each VM.`;

const parts: Readonly<Record<string, z.ZodObject>> = {
  'All services': baseConfig,
  ...{ gateway, planner, 'vm-builder': vmBuilder },
  'transfer and converter': workbenchConfig,
  ...{ transfer, converter },
};

/** What services can be told; inventory has no more than all have. */
export function settings(): string {
  const sections = Object.entries(parts).map(([title, schema]) => `## ${title}\n\n${tableOf(schema)}`);
  return `${head('Settings', intro, 'the services’ config.ts')}\n${sections.join('\n\n')}\n`;
}

function tableOf(schema: z.ZodObject): string {
  const { properties = {}, required = [] } = shapeOf(schema, 'output');
  // Said once, of both.
  const own = ([name]: [string, unknown]) => schema === workbenchConfig || !(name in workbenchConfig.shape);
  const rows = Object.entries(properties)
    .filter(own)
    .map(([name, field]) => {
      const given = field.default === undefined ? (required.includes(name) ? 'required' : '') : cell(field.default);
      return [`\`${envName(name)}\``, typeOf(field), given, field.description ?? ''];
    });
  return table(['variable', 'type', 'default', ''], rows);
}
