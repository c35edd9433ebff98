import type { Forecast, VmReport } from '@tranship/contracts';
import { bytes, duration } from './units.ts';

export interface WholeReport {
  readonly migration: string;
  readonly plan: string;
  readonly state: string;
  readonly started: string;
  readonly finished?: string;
  readonly vms: readonly VmReport[];
}

type Parts = Forecast['parts'];
const parts: readonly (readonly [keyof Parts, string, string])[] = [
  ['shutdown', 'shutdown', '#8a8d90'],
  ['delta', 'delta', '#0066cc'],
  ['prove', 'proof', '#009596'],
  ['convert', 'convert', '#f0ab00'],
  ['handOver', 'hand-over', '#ec7a08'],
  ['boot', 'boot', '#6753ac'],
];

/** A page of its own: nothing is loaded, nothing runs, and what a guest or a person named is text. */
export function reportPage(whole: WholeReport): string {
  const { migration, plan, state, started, finished, vms } = whole;
  const took = finished === undefined ? '' : `, ${duration(Date.parse(finished) - Date.parse(started))}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${text(migration)}</title>
<style>${style}</style>
</head>
<body>
<h1>${text(migration)}</h1>
<p>Plan ${text(plan)}: <b>${text(state)}</b>, begun ${text(started)}${took}, ${vms.length} VMs.</p>
${vms.map(section).join('\n')}
</body>
</html>`;
}

function section(report: VmReport): string {
  const { vm, state, type, target, times, disks, passes, readBytes, writtenBytes, savedBytes, error } = report;
  return `<section>
<h2>${text(vm.name)} <small>${text(vm.id)}, ${text(type)}: ${text(state)}</small></h2>
${error ? `<p class="bad">${text(error.code)}: ${text(error.detail)}. ${text(error.fix)}</p>` : ''}
${facts([
  ['Target', `${target.namespace}/${target.name}${report.node === undefined ? '' : ` on ${report.node}`}`],
  ['Queued', times.queued],
  ['Begun', times.began ?? '-'],
  ['Source told to stop', times.stopped ?? '-'],
  ['Target well', times.well ?? '-'],
  ['Over', times.over ?? '-'],
  ['Read, written', `${bytes(readBytes)}, ${bytes(writtenBytes)}`],
  ['Held already', `${bytes(savedBytes)}, found by comparison`],
])}
${downtime(report)}
<h3>Disks</h3>
${grid(
  ['Disk', 'File', 'Size', 'Storage class', 'Proven root'],
  disks.map(({ index, file, sizeBytes, storageClass }) => [
    ...[String(index), file, bytes(sizeBytes), storageClass],
    report.proof?.disks.find((disk) => disk.index === index)?.copied ?? '-',
  ]),
)}
<h3>Passes</h3>
${grid(
  ['Pass', 'Begun', 'Copy', 'Of', 'How', 'Changed', 'Read', 'Written', 'Held already'],
  passes.map((pass) => [
    ...[String(pass.pass), pass.started, duration(pass.seconds * 1000), pass.snapshot ?? 'the VM that is off'],
    ...[pass.how.join(', '), pass.changedBytes === undefined ? '-' : bytes(pass.changedBytes)],
    ...[bytes(pass.readBytes), bytes(pass.writtenBytes), bytes(pass.savedBytes)],
  ]),
)}
${proof(report)}
${nics(report)}
${files(report)}
${failures(report)}
</section>`;
}

function downtime({ downtime: down }: VmReport): string {
  if (!down) return '<p>No downtime: the source did not run, or was not stopped.</p>';
  const sum = (of: Partial<Parts>) => parts.reduce((total, [part]) => total + (of[part] ?? 0), 0);
  const longest = Math.max(sum(down.real), down.forecast ? sum(down.forecast.parts) : 0, 0.001);
  const bar = (title: string, of: Partial<Parts>, seconds: string) =>
    `<div class="row"><span class="name">${title}</span><div class="bar">${parts
      .map(([part, name, color]) => {
        const share = ((of[part] ?? 0) / longest) * 100;
        return `<i style="width:${share.toFixed(2)}%;background:${color}" title="${name} ${round(of[part] ?? 0)} s"></i>`;
      })
      .join('')}</div><span>${seconds}</span></div>`;
  const { forecast, real, seconds } = down;
  const told = forecast
    ? bar(
        'forecast',
        forecast.parts,
        `${round(forecast.seconds)} s (${round(forecast.low)} to ${round(forecast.high)} s)`,
      )
    : '';
  const legend = grid(
    ['', ...parts.map(([, name]) => name)],
    [
      ...(forecast ? [['forecast, s', ...parts.map(([part]) => round(forecast.parts[part]))]] : []),
      ['real, s', ...parts.map(([part]) => (real[part] === undefined ? '-' : round(real[part])))],
    ],
    parts.map(([, , color]) => color),
  );
  return `<h3>Downtime</h3>\n${told}\n${bar('real', real, `${round(seconds)} s`)}\n${legend}`;
}

function proof({ proof: proven }: VmReport): string {
  if (!proven) return '<p class="bad">No proof: the final pass is not proven.</p>';
  return `<p>Proof: <b>${text(proven.grade)}</b>, ${proven.leaves} leaves of 64 KiB read back, the last at ${text(proven.at)}.</p>`;
}

function nics({ nics: all }: VmReport): string {
  const rows = all.map(({ mac, before, after }) => [
    ...[mac, before.name || '-', before.addresses.join(', ') || '-'],
    ...[after?.name || '-', after?.addresses.join(', ') || '-'],
  ]);
  const titles = ['MAC', 'Name before', 'Addresses before', 'Name after', 'Addresses after'];
  return rows.length === 0 ? '' : `<h3>Network</h3>\n${grid(titles, rows)}`;
}

function files({ guest }: VmReport): string {
  if (!guest) return '';
  const each = guest.files.map(({ path, before, after }) => {
    const what = before === null ? 'new' : after === null ? 'removed' : 'changed';
    const side = (title: string, content: string | null) =>
      content === null ? '' : `<div><b>${title}</b><pre>${text(content)}</pre></div>`;
    return `<details><summary>${text(path)} <small>${what}</small></summary><div class="sides">${side('before', before)}${side('after', after)}</div></details>`;
  });
  return `<h3>Guest</h3>\n<p>${text(guest.os)}, ${text(guest.engine)}: ${text(guest.reason)}. ${each.length} files changed.</p>\n${each.join('\n')}`;
}

function failures({ failures: all }: VmReport): string {
  if (all.length === 0) return '';
  const rows = all.map(({ at, step, error, again }) => [
    ...[at, step, error.code, error.detail, again ? 'tried again' : 'the course turned'],
  ]);
  return `<h3>Failures on the way</h3>\n${grid(['At', 'Step', 'Code', 'Detail', 'Then'], rows)}`;
}

const facts = (rows: readonly (readonly [string, string])[]) =>
  `<dl>${rows.map(([name, value]) => `<dt>${text(name)}</dt><dd>${text(value)}</dd>`).join('')}</dl>`;

/** `colors`: of the columns after the first. */
const grid = (titles: readonly string[], rows: readonly (readonly string[])[], colors: readonly string[] = []) =>
  `<table><tr>${titles.map((title, i) => `<th${colors[i - 1] ? ` style="border-top:6px solid ${colors[i - 1]}"` : ''}>${text(title)}</th>`).join('')}</tr>${rows
    .map((row) => `<tr>${row.map((cell) => `<td>${text(cell)}</td>`).join('')}</tr>`)
    .join('')}</table>`;

const round = (seconds: number): string => String(Math.round(seconds * 10) / 10);

const named: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
/** Any value as the text of an element or of a quoted attribute. */
export const text = (value: string): string => value.replace(/[&<>"']/g, (sign) => named[sign]!);

const style = `body{font:14px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#151515}
section{border-top:1px solid #d2d2d2;margin-top:2rem}small{color:#6a6e73;font-weight:400}.bad{color:#c9190b}
table{border-collapse:collapse;margin:.5rem 0}th,td{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:0 1rem}dd{margin:0}
.row{display:flex;align-items:center;gap:1rem}.name{width:5rem}.bar{flex:1;display:flex;height:1.4rem;background:#f0f0f0}
.bar i{display:block;height:100%}.sides{display:flex;gap:2rem;flex-wrap:wrap}pre{white-space:pre-wrap;background:#f5f5f5;padding:.5rem}`;
