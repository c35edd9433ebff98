import { type StdioOptions, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { TranshipError } from '@tranship/contracts';
import type { DiskLayer } from './appliance.ts';
import { byKvm, environment } from './environment.ts';
import { endGroup } from './group.ts';

const deadlineMs = 2_700_000;
/** MiB, the least that libguestfs takes; virt-v2v takes nearly three times of what it is told. */
const memory = 256;
const maxTold = 20;

/** What virt-v2v says of itself: `[  12.3] Converting Debian GNU/Linux 12 (bookworm) to run on KVM`. */
const stage = /^\[ *\d+\.\d\] (.+)$/;

/** Converts a guest by virt-v2v-in-place over layers of its disks. Throws `guest.unsupported` with its own words where it will not. */
export function runV2v(
  layers: readonly DiskLayer[],
  folder: string,
  signal: AbortSignal,
  tell: (stage: string) => void,
): Promise<void> {
  const domain = join(folder, 'guest.xml');
  writeFileSync(domain, domainOf(layers));
  return byKvm((kvm) => attempt(domain, environment(folder, kvm, memory), signal, tell));
}

async function attempt(
  domain: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
  tell: (stage: string) => void,
): Promise<void> {
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe'];
  const child = spawn('virt-v2v-in-place', ['-i', 'libvirtxml', domain], { env, stdio, detached: true });
  const stop = () => endGroup(child);
  const alarm = setTimeout(stop, deadlineMs);
  signal.addEventListener('abort', stop, { once: true });
  const said: string[] = [];
  createInterface(child.stdout!).on('line', (line) => {
    const what = stage.exec(line)?.[1];
    if (what !== undefined) tell(what);
  });
  createInterface(child.stderr!).on('line', (line) => {
    said.push(line);
    if (said.length > maxTold) said.shift();
  });
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    signal.throwIfAborted();
    if (code === null) throw failed('it was ended: it took too long', true);
    if (code !== 0) throw failed(reasonIn(said), false);
  } finally {
    clearTimeout(alarm);
    signal.removeEventListener('abort', stop);
    stop();
  }
}

const failed = (what: string, retry: boolean) =>
  new TranshipError(retry ? 'guest.conversion' : 'guest.unsupported', `virt-v2v-in-place: ${what}`, { retry });

/** Its first word of an error, without what it says of how to report one. */
function reasonIn(lines: readonly string[]): string {
  const at = lines.findIndex((line) => line.includes('error: '));
  if (at < 0) return lines.at(-1) ?? 'it says nothing';
  const end = lines.findIndex((line, i) => i > at && line.trim() === '');
  return lines
    .slice(at, end < 0 ? at + 3 : end)
    .join(' ')
    .replace(/^.*?error: /, '');
}

/** The least that virt-v2v wants to know of a machine. */
const domainOf = (layers: readonly DiskLayer[]): string =>
  [
    '<domain type="kvm"><name>guest</name><memory unit="MiB">1024</memory><vcpu>1</vcpu>',
    '<os><type arch="x86_64" machine="q35">hvm</type></os><devices>',
    ...layers.map(
      ({ file }, i) =>
        `<disk type="file" device="disk"><driver name="qemu" type="qcow2"/><source file="${escaped(file)}"/><target dev="sd${String.fromCharCode(97 + i)}" bus="scsi"/></disk>`,
    ),
    '</devices></domain>',
  ].join('\n');

const escaped = (text: string) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
