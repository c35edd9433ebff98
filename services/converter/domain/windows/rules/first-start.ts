import type { Change } from '../../changes.ts';
import { concern } from '../../part.ts';
import { controlSets, type WindowsFacts, type WindowsPart, winPath, winPaths } from '../facts.ts';
import { dword, expand, type KeyEdit, sz } from '../registry.ts';
import { type FirstStart, firstStartScript, scriptName, service } from '../script.ts';
import { settings } from './network.ts';
import { toolsProduct, toolsServices } from './tools.ts';

/** What Windows must do itself, by a service that removes itself: the guest agent and VMware Tools have installers, NICs get their ids late. */
export function firstStartRule(facts: WindowsFacts): WindowsPart {
  const { media, place } = facts;
  const product = toolsProduct(facts);
  const start: FirstStart = {
    nics: [...settings(facts)].map(([mac, from]) => ({ mac, from })),
    ...(media.agent ? { agent: media.agent.name } : {}),
    ...(product === undefined ? {} : { toolsProduct: product }),
  };
  const put = (name: string, content: Buffer): Change => ({
    kind: 'file',
    path: place(`${winPaths.own}/${name}`),
    content,
  });
  return {
    changes: [
      put(scriptName, Buffer.from(firstStartScript(start), 'latin1')),
      ...(media.agent ? [put(media.agent.name, media.agent.content)] : []),
    ],
    system: controlSets(facts).map(serviceKey),
    agent: agentStarts(facts) ? 'present' : media.agent ? 'later' : 'absent',
    concerns: [
      concern('guest.first-start', `at its first start Windows ${tasks(start).join(', ')}, and starts once more`),
      ...(media.agent
        ? []
        : [concern('guest.agent', 'the guest agent was not laid in: the media folder has no qemu-ga for Windows')]),
      ...(product === undefined && toolsServices(facts).length > 0
        ? [
            concern(
              'guest.tools',
              'VMware Tools are not in the list of installed programs: their services are off, their files stay',
            ),
          ]
        : []),
    ],
  };
}

const automatic = 2;

/** An agent that starts by itself, and that there is a driver for to be reached by. */
const agentStarts = ({ system, media, ...facts }: WindowsFacts): boolean =>
  !media.absent.includes('vioserial') &&
  controlSets({ system, ...facts }).every((set) => system.value(`${set}\\Services\\QEMU-GA`, 'Start') === automatic);

const tasks = ({ nics, agent, toolsProduct: product }: FirstStart): string[] => [
  'installs its drivers',
  ...(nics.length > 0 ? ['gives its NICs the settings of the old ones'] : []),
  ...(agent === undefined ? [] : ['installs the guest agent']),
  ...(product === undefined ? [] : ['removes VMware Tools']),
];

/** The script is no service itself: what the service manager starts ends at once, and leaves it running. */
function serviceKey(set: string): KeyEdit {
  const shell = '%SystemRoot%\\System32\\cmd.exe';
  return {
    key: `${set}\\Services\\${service}`,
    values: {
      Type: dword(0x10),
      Start: dword(2),
      ErrorControl: dword(0),
      ImagePath: expand(`${shell} /c start "" /b ${shell} /c ${winPath(winPaths.own)}\\${scriptName}`),
      DisplayName: sz('Tranship: first start on KVM'),
      ObjectName: sz('LocalSystem'),
    },
  };
}
