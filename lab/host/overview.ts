import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from '../node/settings.ts';
import { runningLab, stateDir } from '../state.ts';
import { below, processes } from './processes.ts';
import { guestsOf, type PartStatus, parts } from './status.ts';

/** The running lab, part by part, with the memory that each takes. */
export interface Overview {
  readonly running: boolean;
  readonly since?: string;
  readonly address?: string;
  readonly upSeconds?: number;
  readonly rssMB?: number;
  readonly rssWithoutGuestsMB?: number;
  readonly parts?: readonly PartStatus[];
}

export function overview(): Overview {
  const lab = runningLab();
  if (!lab) return { running: false };
  const { cluster } = JSON.parse(readFileSync(join(stateDir, 'settings.json'), 'utf8')) as Settings;
  const all = parts(below(processes(), lab.init), cluster);
  const sum = (those: readonly PartStatus[]) => those.reduce((total, { rssMB }) => total + rssMB, 0);
  return {
    running: true,
    since: lab.started,
    address: lab.address,
    upSeconds: readySeconds(),
    rssMB: sum(all),
    rssWithoutGuestsMB: sum(all) - sum(guestsOf(all)),
    parts: all,
  };
}

/** How long the lab took to come up, by its own log. */
function readySeconds(): number {
  return Number(/^([\d.]+) s +READY$/m.exec(readFileSync(join(stateDir, 'progress'), 'utf8'))?.[1] ?? 0);
}

export function show({
  running,
  since,
  address,
  upSeconds,
  rssMB,
  rssWithoutGuestsMB,
  parts: all = [],
}: Overview): string {
  if (!running) return 'not running';
  const rows = all.map(({ name, running: runs, pid, rssMB: rss }) =>
    runs ? `  ✓ ${name.padEnd(34)} ${String(pid).padStart(8)} ${String(rss).padStart(6)} MB` : `  ✗ ${name}: down`,
  );
  return [
    `running since ${since} at ${address}; it was up in ${upSeconds} s`,
    ...rows,
    `${rssMB} MB in all, ${rssWithoutGuestsMB} MB without guests`,
  ].join('\n');
}
