import type { StepResult, VmEventType } from '@tranship/contracts';
import { z } from 'zod';
import { kubectl, kubectlJson } from '../../lab/host/kubectl.ts';
import { claimFile, digest } from '../../lab/host/volumes.ts';
import type { Story } from '../story.ts';
import type { Course, Disk, Strike, Window } from './judge.ts';
import { acts, held } from './kills.ts';
import { Source, vmName } from './source.ts';
import type { Kill, Row, Step } from './table.ts';
import { type Told, Watch } from './watch.ts';

const any = z.any();
/** Each read takes so long while a hit is awaited. */
const slowMs = 250;
/** Kills that take a while to arrive: the worker is held meanwhile, where nothing else slows it. */
const late: ReadonlySet<Kill> = new Set<Kill>(['pod', 'eviction']);
const hitSeconds = 60;
const endSeconds = 300;
/** By then a step is over. */
const ends = {
  prepare: 'vm.prepared',
  snapshot: 'vm.snapshotted',
  copy: 'vm.pass-finished',
  prove: 'vm.proved',
  delta: 'vm.pass-finished',
  final: 'vm.pass-finished',
  'hand-over': 'vm.handed-over',
} as const satisfies Record<Step, VmEventType>;

/** One row: a warm migration in three passes that is hit at each of its steps. */
export async function runRow(story: Story, row: Row): Promise<Course> {
  const began = Date.now();
  const run = new Run(story, row);
  const problems: string[] = [];
  try {
    await run.course();
    problems.push(...(await run.end()));
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
  } finally {
    await run.clear().catch((error: unknown) => problems.push(`not cleared: ${error}`));
  }
  const { disks, strikes, read, written } = run;
  return { ...row, disks, strikes, read, written, problems, seconds: (Date.now() - began) / 1000 };
}

class Run {
  disks: Disk[] = [];
  readonly strikes: Strike[] = [];
  readonly read: Partial<Record<Window, number[]>> = {};
  readonly written: Partial<Record<Window, number[]>> = {};
  readonly #story: Story;
  readonly #row: Row;
  readonly #source: Source;
  readonly #target: string;
  #migration = '';
  #watch: Watch | undefined;
  /** What had been read when the window began. */
  #mark: number[] = [];

  constructor(story: Story, row: Row) {
    this.#story = story;
    this.#row = row;
    this.#source = new Source(story);
    this.#target = `matrix-${row.kill}`;
  }

  async course(): Promise<void> {
    await this.#story.power(vmName, 'on');
    this.disks = await this.#source.disks();
    this.#mark = await this.#source.read();
    await this.#begin();
    const watch = this.#watch!;
    const strike = (step: Step, since: Told) => this.#strike(step, since);
    await strike('prepare', await watch.after(undefined, 'vm.admitted'));
    await this.#slowFor('copy');
    await strike('snapshot', await watch.after(undefined, 'vm.pass-started'));
    const first = await watch.after(undefined, 'vm.snapshotted');
    await this.#source.write('delta');
    await strike('copy', first);
    const copied = await watch.after(first, 'vm.pass-finished');
    await this.#close('copy', first);
    await strike('prove', copied);
    const proved = await watch.after(copied, 'vm.proved');
    await this.#close('prove', copied);
    await this.#slowFor('delta');
    const second = await watch.after(proved, 'vm.snapshotted');
    await this.#source.write('final');
    await this.#cutOver();
    await strike('delta', second);
    await watch.after(await watch.after(second, 'vm.pass-finished'), 'vm.proved');
    await this.#close('delta', second);
    await this.#slowFor('final');
    const off = await watch.after(second, 'vm.changes-found');
    await strike('final', off);
    await watch.after(await watch.after(off, 'vm.pass-finished'), 'vm.proved');
    await strike('hand-over', await watch.after(off, 'vm.converted'));
    await this.#close('final', off);
  }

  /** What is wrong at the end, as seen from outside. */
  async end(): Promise<string[]> {
    const story = this.#story;
    const { state, vms } = await story.finished(this.#migration, endSeconds);
    if (state !== 'succeeded') return [`the migration ${state}: ${JSON.stringify(vms[0]?.error)}`];
    const problems: string[] = [];
    for (const [i, { path, capacity }] of (await this.#source.live()).entries()) {
      const moved = await digest(await claimFile('apps', `${this.#target}-disk-${i}`), capacity);
      if (moved !== (await digest(path, capacity))) problems.push(`disk ${i} differs from its source`);
    }
    const left = await story.leftovers();
    if (left.length > 0) problems.push(`left in tranship-work: ${left.join(', ')}`);
    const snapshots = await this.#source.snapshots();
    if (snapshots > 0) problems.push(`${snapshots} snapshots left at the source`);
    return problems;
  }

  /** The next row finds nothing of this one, however it ended. */
  async clear(): Promise<void> {
    const story = this.#story;
    await story.control('/delays', {});
    await this.#watch?.stop();
    const over = async () => (await story.status(this.#migration)).state !== 'running';
    if (this.#migration !== '' && !(await over())) {
      await story.api.send('POST', ['migrations', this.#migration, 'cancel'], any);
      await story.eventually(over, endSeconds);
    }
    await kubectl(['delete', 'vm,pvc', '--all', '-n', 'apps', '--wait=false']);
    await kubectl(['delete', 'job,pod,pvc', '--all', '-n', 'tranship-work', '--wait=false']);
    await story.eventually(async () => (await kubectlJson(['get', 'vm,pvc', '-n', 'apps'])).items.length === 0);
    await story.eventually(async () => (await story.leftovers()).length === 0, endSeconds);
    await story.power(vmName, 'off');
  }

  async #begin(): Promise<void> {
    const story = this.#story;
    const { kill } = this.#row;
    await story.plan(`matrix-${kill}`, [{ name: vmName, targetName: this.#target }], {
      type: 'warm',
      // What the audit reads would hide what a kill costs.
      precopy: { interval: '2s', auditPercent: 0 },
      defaults: { shutdown: { deadline: '10s', then: 'powerOff' }, targetPower: 'off' },
    });
    this.#migration = await story.start(`matrix-${kill}`);
    this.#watch = new Watch(story.api, this.#migration);
  }

  /** Due already when this pass began: no other pass comes before the power-off. */
  async #cutOver(): Promise<void> {
    const { started } = await this.#story.status(this.#migration);
    await this.#story.api.send('POST', ['migrations', this.#migration, 'cutover'], any, { body: { at: started } });
  }

  #slowFor(step: Step): Promise<void> {
    const delays = this.#isDue(step) ? { VixDiskLib_Read: slowMs } : {};
    return this.#story.control('/delays', delays);
  }

  #isDue = (step: Step) => this.#row.kill !== 'none' && this.#row.steps.includes(step);

  /** Hits once it is so far: in the middle of what a pass reads, else at once. */
  async #strike(step: Step, since: Told): Promise<void> {
    if (!this.#isDue(step) || this.#row.kill === 'none') return;
    try {
      if (step === 'copy' || step === 'delta' || step === 'final') await this.#halfRead(step);
      if (step === 'prove') await this.#watch!.after(since, ['progress.prove', 'vm.proved']);
      const act = step === 'prove' && late.has(this.#row.kill) ? held(acts[this.#row.kill]) : acts[this.#row.kill];
      const over = this.#watch!.last(since, ends[step]) !== undefined;
      const struck = await act(this.#story);
      const missed = over ? 'it was over before it could be hit' : struck > 0 ? undefined : 'there was nothing to hit';
      this.strikes.push({ step, missed });
    } catch (error) {
      this.strikes.push({ step, missed: error instanceof Error ? error.message : String(error) });
    } finally {
      await this.#story.control('/delays', {});
    }
  }

  async #halfRead(window: Window): Promise<void> {
    const due = this.disks[0]!.due[window] / 2;
    const isHalf = async () => (await this.#source.read())[0]! - this.#mark[0]! >= due;
    await this.#story.eventually(isHalf, hitSeconds);
  }

  async #close(window: Window, since: Told): Promise<void> {
    const now = await this.#source.read();
    this.read[window] = now.map((bytes, i) => bytes - this.#mark[i]!);
    this.#mark = now;
    const pass = this.#watch!.last(since, 'vm.pass-finished')?.data as StepResult<'copy'> | undefined;
    this.written[window] = this.disks.map((_, i) => pass?.disks[i]?.writtenBytes ?? 0);
  }
}
