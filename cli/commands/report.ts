import { type VmReport, vmReportSchema } from '@tranship/contracts';
import { exits } from '../errors.ts';
import { show } from '../output.ts';
import { action, type Register } from '../program.ts';
import { reportPage } from '../render/report.ts';
import { table } from '../render/table.ts';
import { bytes, duration } from '../render/units.ts';
import { migrationOf } from './watch.ts';

export const report: Register = (program) => {
  program
    .command('report')
    .description('what became of each VM: sizes, passes, downtime as forecast and as it was, proof (-o html|json)')
    .argument('<migration>')
    .action(
      action(async ({ api, terminal, format }, name: string) => {
        const { id, plan, state, started, finished, vms } = await api.migration(await migrationOf(api, name));
        const reports: VmReport[] = [];
        for (const vm of vms) reports.push(await api.get(['migrations', id, 'vms', vm.id, 'report'], vmReportSchema));
        const whole = { migration: id, plan, state, started, ...(finished ? { finished } : {}), vms: reports };
        if (format === 'html') terminal.out(reportPage(whole));
        else show(terminal, format, whole, () => rows(reports));
        return exits.done;
      }),
    );
};

const rows = (reports: readonly VmReport[]) =>
  table(
    ['VM', 'STATE', 'READ', 'PASSES', 'DOWNTIME', 'FORECAST', 'PROOF'],
    reports.map(({ vm, state, readBytes, passes, downtime, proof }) => [
      ...[vm.name, state, bytes(readBytes), String(passes.length)],
      downtime ? duration(downtime.seconds * 1000) : '-',
      downtime?.forecast ? duration(downtime.forecast.seconds * 1000) : '-',
      proof ? proof.grade : '-',
    ]),
  );
