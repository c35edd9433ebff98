import { type SourceVm, TranshipError } from '@tranship/contracts';
import { createLogger, type StepContext } from '@tranship/service-kit';
import { FakeClock } from '@tranship/service-kit/testing';
import { expect, test } from 'vitest';
import type { PowerSource } from '../ports.ts';
import { checkOff, powerOff, powerOn, startsSoFar, type TargetRuns } from './power.ts';

/** A VM that behaves: it takes `seconds` for what it is told; a deaf guest never shuts down, a stuck host never powers off. */
class Machine implements PowerSource {
  readonly told: string[] = [];
  readonly clock = new FakeClock();
  #state: SourceVm['powerState'];
  readonly #tools: boolean;
  readonly #seconds: number;
  readonly #deaf: readonly string[];

  constructor(state: SourceVm['powerState'], { tools = true, seconds = 3, deaf = [] as readonly string[] } = {}) {
    this.#state = state;
    this.#tools = tools;
    this.#seconds = seconds;
    this.#deaf = deaf;
  }

  async power() {
    return { powerState: this.#state, toolsRunning: this.#tools };
  }
  /** How often it was started so far. */
  starts = 0;
  async lastStart() {
    return this.starts === 0 ? undefined : { key: this.starts, at: '2026-01-01T00:00:00Z', by: 'ada' };
  }
  shutdownGuest = () => this.#does('shutdownGuest', 'poweredOff');
  powerOff = () => this.#does('powerOff', 'poweredOff');
  powerOn = () => this.#does('powerOn', 'poweredOn');

  /** Runs a step, and time with it, to its end. */
  async runs<T>(step: Promise<T>): Promise<T> {
    let open = true;
    const end = step.finally(() => {
      open = false;
    });
    end.catch(() => {});
    for (let i = 0; open && i < 2_000; i++) await this.clock.advance(500);
    return end;
  }

  async #does(what: string, state: SourceVm['powerState']) {
    this.told.push(what);
    if (this.#deaf.includes(what)) return;
    void this.clock.sleep(this.#seconds * 1000).then(() => {
      this.#state = state;
    });
  }
}

function context(machine: Machine, more: Partial<StepContext> = {}): StepContext {
  return {
    ids: { migration: 'm', vm: 'vm-1', step: 'powerOff', attempt: 1 },
    signal: new AbortController().signal,
    log: createLogger('inventory', 'silent'),
    clock: machine.clock,
    begun: false,
    progress: () => {},
    moved: () => {},
    ...more,
  };
}

const input = { migration: 'm', vm: 'vm-1', provider: 'vc' };
const off = (machine: Machine, then: 'fail' | 'powerOff', more: Partial<StepContext> = {}) =>
  machine.runs(
    powerOff(() => machine, { ...input, power: 'poweredOn', deadlineMs: 60_000, then }, context(machine, more)),
  );

test('power off - the guest shuts down, and is asked once', async () => {
  const machine = new Machine('poweredOn');
  expect(await off(machine, 'fail')).toMatchObject({
    was: 'poweredOn',
    how: 'guest',
    at: expect.stringContaining('2026-01-01T00:00:0'),
  });
  expect(machine.told).toEqual(['shutdownGuest']);
});

test('power off - one that is off stays as it is, and is told nothing', async () => {
  const machine = new Machine('poweredOff');
  expect(await off(machine, 'fail')).toMatchObject({ was: 'poweredOff', how: 'already' });
  expect(machine.told).toEqual([]);
});

test('power off - one that is off at the second look was on when the VM was queued', async () => {
  expect(await off(new Machine('poweredOff'), 'fail', { begun: true })).toMatchObject({
    was: 'poweredOn',
    how: 'already',
  });
});

test('power off - a guest that does not obey fails the step, or is powered off, as the plan says', async () => {
  const deaf = () => new Machine('poweredOn', { deaf: ['shutdownGuest'] });
  const patient = deaf();
  await expect(off(patient, 'fail')).rejects.toMatchObject({
    code: 'source.shutdown-timeout',
    detail: expect.stringContaining('60 s'),
  });
  expect(patient.told).toEqual(['shutdownGuest']);
  const forced = deaf();
  expect(await off(forced, 'powerOff')).toMatchObject({ was: 'poweredOn', how: 'hard' });
  expect(forced.told).toEqual(['shutdownGuest', 'powerOff']);
});

test('power off - without VMware Tools the guest is not asked', async () => {
  const machine = new Machine('poweredOn', { tools: false });
  await expect(off(machine, 'fail')).rejects.toMatchObject({ detail: expect.stringContaining('VMware Tools') });
  expect(machine.told).toEqual([]);
  expect(await off(machine, 'powerOff')).toMatchObject({ how: 'hard' });
  expect(machine.told).toEqual(['powerOff']);
});

test('power off - a host that does not obey is told too', async () => {
  const machine = new Machine('poweredOn', { tools: false, deaf: ['powerOff'] });
  await expect(off(machine, 'powerOff')).rejects.toMatchObject({ detail: expect.stringContaining('after PowerOff') });
});

test('power off - an abort ends the wait with its reason, and nothing is forced', async () => {
  const machine = new Machine('poweredOn', { deaf: ['shutdownGuest'] });
  const stop = new AbortController();
  const step = off(machine, 'powerOff', { signal: stop.signal });
  stop.abort(new Error('cancelled'));
  await expect(step).rejects.toThrow('cancelled');
  expect(machine.told).not.toContain('powerOff');
});

test.each(['poweredOn', 'suspended'] as const)('check - a source that is %s is contested', async (state) => {
  const machine = new Machine(state);
  await expect(checkOff(() => machine, input, context(machine))).rejects.toMatchObject({ code: 'source.contested' });
});

test('check - a source that is off is told with the moment', async () => {
  const machine = new Machine('poweredOff');
  expect(await checkOff(() => machine, input, context(machine))).toEqual({
    powerState: 'poweredOff',
    at: '2026-01-01T00:00:00.000Z',
  });
});

test('check - a source that ran since the final pass is contested although it is off again', async () => {
  const machine = new Machine('poweredOff');
  const check = (lastStart?: number) =>
    checkOff(() => machine, { ...input, ...(lastStart === undefined ? {} : { lastStart }) }, context(machine));
  await check(0);
  machine.starts = 1;
  await check(1);
  await check();
  await expect(check(0)).rejects.toMatchObject({
    code: 'source.contested',
    detail: expect.stringContaining('ada started it at'),
  });
});

test('check - where vCenter does not tell of starts, only its power is known; what may pass is tried again', async () => {
  const asked = (code: 'vsphere.denied' | 'vsphere.fault' | 'vsphere.unreachable') =>
    startsSoFar(
      { lastStart: () => Promise.reject(new TranshipError(code, 'd')) },
      'vm-1',
      context(new Machine('poweredOff')).log,
    );
  expect([await asked('vsphere.denied'), await asked('vsphere.fault')]).toEqual([undefined, undefined]);
  await expect(asked('vsphere.unreachable')).rejects.toMatchObject({ retry: true });
  expect(await startsSoFar(new Machine('poweredOff'), 'vm-1', context(new Machine('poweredOff')).log)).toBe(0);
});

const target = { namespace: 'apps', name: 'web-01' };
const on = (machine: Machine, watchMs = 0, targetRuns: TargetRuns = async () => false) =>
  machine.runs(powerOn(() => machine, targetRuns, { ...input, target, watchMs }, context(machine)));

test('power on - it is started once, and seen running; one that runs is left alone', async () => {
  const machine = new Machine('poweredOff');
  await on(machine);
  expect((await machine.power()).powerState).toBe('poweredOn');
  await on(machine);
  expect(machine.told).toEqual(['powerOn']);
});

test('power on - beside a target that runs, or of which nobody can tell, it is not started', async () => {
  const machine = new Machine('poweredOff');
  const asked: unknown[] = [];
  const runs = async (of: unknown) => asked.push(of) > 0;
  await expect(on(machine, 0, runs)).rejects.toMatchObject({ code: 'target.runs', retry: false });
  expect(asked).toEqual([target]);
  const silent = () => Promise.reject(new TranshipError('service.unavailable', 'vm-builder does not answer'));
  await expect(on(machine, 0, silent)).rejects.toMatchObject({ code: 'service.unavailable', retry: true });
  expect(machine.told).toEqual([]);
  // One that runs already is nobody's doing here, and needs no start.
  await on(new Machine('poweredOn'), 0, runs);
});

test('power on - one that was told to shut down, and does so late, is started again', async () => {
  const machine = new Machine('poweredOn', { seconds: 90 });
  await machine.shutdownGuest();
  await on(machine, 180_000);
  expect(machine.told).toEqual(['shutdownGuest', 'powerOn']);
  expect((await machine.power()).powerState).toBe('poweredOn');
});

test('power on - one that never comes is a fault', async () => {
  const machine = new Machine('poweredOff', { deaf: ['powerOn'] });
  await expect(on(machine)).rejects.toMatchObject({ code: 'vsphere.fault' });
});
