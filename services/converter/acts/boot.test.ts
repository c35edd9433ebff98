import { expect, test } from 'vitest';
import { watchBoot } from './boot.ts';

const mac = '00:50:56:aa:00:01';
const second = 1000;

interface Guest {
  /** Seconds after which its agent answers, and asks for a login; none: never. */
  readonly agentAt?: number;
  readonly loginAt?: number;
  readonly addressAt?: number;
  readonly says?: string;
  readonly trouble?: 'ended' | 'resets' | 'no-room';
  readonly exec?: boolean;
}

/** A guest by the clock: time goes on when it is waited for. */
function watched(guest: Guest, more: { agent?: 'required' | 'ifPresent' | 'ignore'; by?: 'kvm' | 'tcg' } = {}) {
  const began = 1_000_000;
  let now = began;
  const clock = {
    now: () => now,
    sleep: async (ms: number) => {
      now += ms;
    },
  };
  const after = (at?: number) => at !== undefined && now - began >= at * second;
  const ran: string[] = [];
  const machine = {
    errors: '',
    trouble: guest.trouble,
    get console() {
      return `${guest.says ?? 'booting\r\n'}${after(guest.loginAt) ? 'web login: ' : ''}`;
    },
    agent: {
      answers: async () => after(guest.agentAt),
      os: async () => 'Debian',
      nics: async () => [{ name: 'ens192', mac, addresses: after(guest.addressAt) ? ['10.0.0.5/24'] : [] }],
      start: async (_: string, args: readonly string[]) =>
        guest.exec === false ? undefined : ran.push(args[0] ?? '') && ran.length,
      output: async (pid: number) =>
        ran[pid - 1] === 'list-units' ? 'nginx.service loaded failed failed x\n' : 'degraded\n',
    },
  };
  return watchBoot(machine as never, {
    ...{
      macs: [mac],
      kept: new Map([[mac, ['10.0.0.5/24']]]),
      agent: 'ifPresent',
      deadlineMs: 100 * second,
      by: 'kvm',
    },
    ...{ clock, signal: new AbortController().signal },
    ...more,
  });
}

test('boot - the agent’s answer is the mark; addresses are let come up, and failed units are told', async () => {
  expect(await watched({ agentAt: 20, loginAt: 10, addressAt: 40 })).toMatchObject({
    ...{ mark: 'agent', seconds: 20, os: 'Debian', failedUnits: ['nginx.service'] },
    nics: [{ mac, name: 'ens192', addresses: ['10.0.0.5/24'], missing: [] }],
  });
});

test('boot - an address that does not come up in time is missing; an agent that runs nothing leaves the units unknown', async () => {
  expect(await watched({ agentAt: 5, exec: false })).toMatchObject({
    failedUnits: null,
    nics: [{ missing: ['10.0.0.5/24'] }],
  });
});

test('boot - a login counts where the agent need not be there, and not where it must', async () => {
  expect(await watched({ loginAt: 10 })).toMatchObject({ mark: 'login', seconds: 40, nics: [{ missing: [] }] });
  expect(await watched({ loginAt: 10, agentAt: 5 }, { agent: 'ignore' })).toMatchObject({ mark: 'login', seconds: 10 });
  const { mark, why } = await watched({ loginAt: 10 }, { agent: 'required' });
  expect([mark, why]).toEqual(['nothing', expect.stringContaining('its guest agent did not answer within 100 s')]);
});

test('boot - what will not come up ends at once, with its reason; what says nothing ends at the deadline, thrice as late in emulation', async () => {
  expect(await watched({ says: 'Kernel panic - not syncing: no root\r\n' })).toMatchObject({
    ...{ mark: 'nothing', seconds: 0, why: expect.stringContaining('Kernel panic') },
  });
  for (const trouble of ['ended', 'resets'] as const)
    expect(await watched({ trouble })).toMatchObject({
      mark: 'nothing',
      seconds: 0,
      why: expect.stringContaining('it '),
    });
  const silent = await watched({ says: '' }, { by: 'tcg' });
  expect(silent.seconds).toBeGreaterThanOrEqual(300);
  expect(silent.why).toContain('it said nothing on its serial console');
});

test('boot - a scratch volume that is full is no fault of the guest', async () => {
  await expect(watched({ trouble: 'no-room' })).rejects.toMatchObject({ code: 'rehearsal.no-room' });
});
