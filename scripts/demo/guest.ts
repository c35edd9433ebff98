import type { Api } from '../../cli/index.ts';
import { lastWords } from '../../lab/host/console.ts';
import { hear } from '../../lab/host/inside.ts';
import type { Lab } from '../../lab/state.ts';
import { vmsOf } from './acts.ts';

export type Say = (line?: string) => void;
const guest = { name: 'web-01', address: '192.168.76.10', port: 7000 };
/** Bounds against hanging: on a busy machine an emulated guest takes its time. */
const bootMs = 600_000;
const answerMs = 60_000;
const hearSeconds = 15;
const sayEveryMs = 20_000;
const pause = () => new Promise((done) => setTimeout(done, 1_000));

/** What the guest said of itself before the move. */
export interface Before {
  readonly counter: number;
  readonly addresses: readonly string[];
}

/** The counter that the guest writes through to its disk, one higher at each question. */
async function counter(lab: Lab): Promise<number | undefined> {
  const [name, count] = (await hear(lab, guest.address, guest.port, hearSeconds)).split(' ');
  return name === guest.name ? Number(count) : undefined;
}

/** Waits until the guest is up, and vCenter sees its tools. */
export async function waitForGuest(api: Api, lab: Lab, say: Say): Promise<Before | undefined> {
  if (!(await vmsOf(api)).some(({ name, powerState }) => name === guest.name && powerState === 'poweredOn'))
    return undefined;
  say(`   ${guest.name} boots in software emulation; it is moved once it runs (about a minute) …`);
  const began = Date.now();
  for (let said = began; Date.now() < began + bootMs; ) {
    const vm = (await vmsOf(api)).find(({ name }) => name === guest.name);
    const count = vm?.toolsRunning ? await counter(lab) : undefined;
    if (vm && count !== undefined) {
      const addresses = vm.nics.flatMap((nic) => nic.addresses);
      say(`   ${guest.name} runs at ${addresses.join(', ')}; its counter stands at ${count}.`);
      return { counter: count, addresses };
    }
    if (Date.now() - said > sayEveryMs) {
      said = Date.now();
      say(`   ${guest.name} boots: ${lastWords(guest.name)}`);
    }
    await pause();
  }
  throw new Error(`${guest.name} did not boot within ${bootMs / 1000} s; it said last: ${lastWords(guest.name)}`);
}

/** The guest's own word, over TCP, from its new place: whether it has forgotten nothing that it had written. */
export async function hearGuest(lab: Lab, before: Before, say: Say): Promise<boolean> {
  const end = Date.now() + answerMs;
  let now = await counter(lab);
  for (; now === undefined && Date.now() < end; now = await counter(lab)) await pause();
  say(
    now === undefined
      ? `${guest.name} does not answer at ${guest.address}:${guest.port}.`
      : `${guest.name} answers from KubeVirt at ${guest.address}:${guest.port}: its counter stands at ${now}; it was ${before.counter} on VMware.`,
  );
  return now !== undefined && now >= before.counter;
}
