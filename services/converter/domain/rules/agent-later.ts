import { type Change, textFile } from '../changes.ts';
import type { Facts } from '../facts.ts';

const folder = '/etc/systemd/system';
const unit = 'tranship-agent';
const name = 'qemu-guest-agent';

/** How a system fetches the agent, and how it then installs it without a network: only the first may hang, and may be cut off without harm. */
const managers: readonly { readonly program: string; readonly fetch: readonly string[]; readonly install: string }[] = [
  {
    program: '/usr/bin/apt-get',
    fetch: ['-q update', `-q -y --no-install-recommends --download-only install ${name}`],
    install: `-q -y --no-install-recommends --no-download -o DPkg::Lock::Timeout=120 install ${name}`,
  },
  ...['/usr/bin/dnf', '/usr/bin/yum'].map((program) => ({
    program,
    fetch: [`-y --downloadonly install ${name}`],
    install: `-y -C install ${name}`,
  })),
  {
    program: '/usr/bin/zypper',
    fetch: [`--non-interactive install --no-recommends --download-only ${name}`],
    install: `--non-interactive --no-refresh install --no-recommends ${name}`,
  },
];

export const hasSystemd = (facts: Facts): boolean => facts.has('/lib/systemd/system/timers.target');

/** A minute after its first start the guest fetches the agent itself: once, in some minutes at most, and without ever counting as failed. */
export function agentLater(
  facts: Facts,
): { readonly program: string; readonly changes: readonly Change[] } | undefined {
  const manager = managers.find(({ program }) => facts.has(program));
  if (!manager || !hasSystemd(facts)) return undefined;
  const { program, fetch, install } = manager;
  if (facts.has(`${folder}/${unit}.timer`)) return { program, changes: [] };
  const service = [
    '[Unit]',
    'Description=Installs the guest agent, once, after the move to KVM',
    ...['/usr/sbin/qemu-ga', '/usr/bin/qemu-ga', '/usr/libexec/qemu-ga'].map((path) => `ConditionPathExists=!${path}`),
    '',
    '[Service]',
    'Type=oneshot',
    'TimeoutStartSec=30min',
    'Environment=DEBIAN_FRONTEND=noninteractive',
    ...fetch.map((command) => `ExecStart=-/usr/bin/timeout 300 ${program} ${command}`),
    `ExecStart=-${program} ${install}`,
    `ExecStart=-/usr/bin/systemctl start --no-block ${name}.service`,
    `ExecStart=-/usr/bin/systemctl disable ${unit}.timer`,
    '',
  ];
  const timer = [
    '[Unit]',
    'Description=Installs the guest agent a minute after the first start',
    '',
    '[Timer]',
    'OnBootSec=1min',
    '',
    '[Install]',
    'WantedBy=timers.target',
    '',
  ];
  return {
    program,
    changes: [
      textFile(`${folder}/${unit}.service`, service.join('\n'), 0o644),
      textFile(`${folder}/${unit}.timer`, timer.join('\n'), 0o644),
      { kind: 'link', path: `${folder}/timers.target.wants/${unit}.timer`, target: `${folder}/${unit}.timer` },
    ],
  };
}
