import { askingStates, finalStates, type MigrationStatus, type Progress, type VmStatus } from '@tranship/contracts';
import { bar, percent } from '../render/bar.ts';
import { type StyleName, styleOf } from '../render/style.ts';
import { cut, pad, table } from '../render/table.ts';
import { bytes, duration, rate } from '../render/units.ts';
import { wayLines } from './decision.ts';
import { disksOf, downtime, flow, problemOf, type WatchModel } from './model.ts';

export interface ViewOptions {
  readonly now: number;
  readonly columns: number;
  /** Lines that there is room for. */
  readonly rows: number;
  readonly style: (name: StyleName, text: string) => string;
}

const barWidth = 24;

/** The whole picture: a head line, a row for each VM, a bar for each disk in flight. */
export function watchLines(model: WatchModel, options: ViewOptions): string[] {
  const { columns, rows, style } = options;
  const head = style('strong', cut(headline(model, options.now), columns));
  return [head, ...chosen(vmBlocks(model, options), rows - 2, style)];
}

function headline(model: WatchModel, now: number): string {
  const { id, plan, state, started, finished, vms } = model.migration;
  const took = duration((finished ? Date.parse(finished) : now) - Date.parse(started));
  const bytesNow = flow(model);
  const parts = [`${id} of ${plan}: ${state}, ${took}`, `${vms.filter(isOver).length} of ${vms.length} done`];
  if (bytesNow !== undefined) {
    const { done, total, rate: speed, eta } = bytesNow;
    parts.push(`${bytes(done)} of ${bytes(total)}`, rate(speed));
    if (eta !== null) parts.push(`${duration(eta * 1000)} left`);
  }
  return parts.join(' · ');
}

export const isOver = ({ state }: VmStatus): boolean => finalStates.has(state);

function painted(state: string, style: ViewOptions['style'], text: string): string {
  const name = styleOf(state);
  return name === undefined ? text : style(name, text);
}

interface Block {
  readonly vm: VmStatus;
  readonly lines: readonly string[];
}

function vmBlocks(model: WatchModel, { now, columns, style }: ViewOptions): Block[] {
  const { vms } = model.migration;
  const rows = vms.map((vm) => {
    const down = downtime(vm, now);
    const since = isOver(vm) ? '' : duration(now - Date.parse(vm.since));
    const again = vm.attempt > 1 && !isOver(vm) ? `attempt ${vm.attempt}` : '';
    return [`  ${vm.name}`, vm.state, since, passes(vm), down === undefined ? '' : `down ${duration(down.ms)}`, again];
  });
  return table([], rows).map((line, i) => {
    const vm = vms[i]!;
    const disks = disksOf(model, vm).map((disk) => cut(diskLine(disk), columns));
    const problem = problemOf(vm);
    const why = [
      ...(vm.waits === undefined ? [] : [`      waits ${vm.waits}`]),
      ...(vm.paced === undefined ? [] : [`      slowed ${vm.paced}`]),
      ...(vm.concerns ?? []).map(({ id, label }) => `      ${id}: ${label}`),
      ...(problem === undefined ? [] : [`      ${problem.code}: ${problem.detail}`, `      fix: ${problem.fix}`]),
      ...wayLines(model.migration.id, vm).map((way) => `      ${way}`),
    ];
    const cutLine = cut(line, columns);
    return {
      vm,
      lines: [painted(vm.state, style, cutLine), ...disks, ...why.map((text) => style('dim', cut(text, columns)))],
    };
  });
}

/** `pass 3, cutover about 40s`: of a warm migration before its cutover. */
const passes = ({ passes: all = [], forecast, results, released }: VmStatus): string => {
  const last = all.at(-1);
  if (!last || results.powerOff !== undefined) return '';
  const cost = forecast === undefined ? '' : `, cutover about ${duration(forecast.seconds * 1000)}`;
  return `pass ${last.pass}${cost}${released ? ', workbench released' : ''}`;
};

/** `    disk 0 copy   ████░░  52%   1.0 GiB of 2.0 GiB   310 MB/s   3s left` */
export function diskLine(progress: Progress): string {
  const { disk, step, stage, doneBytes, totalBytes, bytesPerSecond } = progress;
  if (stage !== undefined) return `    ${step}: ${stage}`;
  const left = doneBytes < totalBytes ? `   ${timeLeft(progress)}` : '';
  const share = totalBytes === 0 ? 1 : doneBytes / totalBytes;
  const name = pad(`disk ${disk} ${step}`, 13);
  const amount = `${bytes(doneBytes)} of ${bytes(totalBytes)}`;
  return `    ${name} ${bar(share, barWidth)} ${percent(doneBytes, totalBytes)}   ${amount}   ${rate(bytesPerSecond)}${left}`;
}

const timeLeft = ({ etaSeconds, basis }: Progress): string =>
  etaSeconds === null
    ? 'unknown left'
    : `${duration(etaSeconds * 1000)} left${basis === 'forecast' ? ' by forecast' : ''}`;

/** As many VMs as there is room for, those that need eyes first; the rest is counted. */
function chosen(blocks: readonly Block[], room: number, style: ViewOptions['style']): string[] {
  const all = blocks.flatMap(({ lines }) => lines);
  if (all.length <= room) return all;
  const ranked = [...blocks.keys()].sort((a, b) => rank(blocks[a]!.vm) - rank(blocks[b]!.vm) || a - b);
  const kept = new Set<number>();
  let left = room - 1;
  for (const i of ranked) {
    left -= blocks[i]!.lines.length;
    if (left < 0) break;
    kept.add(i);
  }
  const hidden = blocks.filter((_, i) => !kept.has(i));
  const lines = blocks.flatMap(({ lines: own }, i) => (kept.has(i) ? own : []));
  return [...lines, style('dim', `  … and ${hidden.length} more: ${tally(hidden.map(({ vm }) => vm))}`)];
}

function rank(vm: VmStatus): number {
  if (askingStates.has(vm.state)) return 0;
  if (vm.state === 'failed') return 1;
  if (!isOver(vm) && vm.state !== 'queued') return 2;
  return vm.state === 'queued' ? 3 : 4;
}

/** `3 queued, 2 succeeded` */
export function tally(vms: readonly VmStatus[]): string {
  const counts = new Map<string, number>();
  for (const { state } of vms) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, count]) => `${count} ${state}`).join(', ');
}

/** The closing line. */
export function summary({ id, state, started, finished, vms }: MigrationStatus): string {
  const took = finished === undefined ? '' : ` in ${duration(Date.parse(finished) - Date.parse(started))}`;
  return `${id} ${state}${took}: ${tally(vms)}`;
}
