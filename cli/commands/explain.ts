import { type ErrorCode, errorCatalogue } from '@tranship/contracts';
import { CliError, exits } from '../errors.ts';
import { show } from '../output.ts';
import { action, type Register } from '../program.ts';

export const explain: Register = (program) => {
  program
    .command('explain')
    .description('says what an error code means and how to mend it')
    .argument('<code>', 'such as vsphere.login')
    .action(
      action(({ terminal, format }, code: string) => {
        if (!Object.hasOwn(errorCatalogue, code)) throw unknown(code);
        const { title, fix, retry } = errorCatalogue[code as ErrorCode];
        const again = retry ? 'Tranship tries again by itself' : 'trying again does not help by itself';
        show(terminal, format, { code, title, fix, retry }, () => [
          code,
          `  ${title}`,
          `  fix:   ${fix}`,
          `  retry: ${again}`,
        ]);
        return exits.done;
      }),
    );
};

function unknown(code: string): CliError {
  const area = code.split('.')[0]!;
  const codes = Object.keys(errorCatalogue);
  const near = codes.filter((each) => each.startsWith(`${area}.`));
  return new CliError(`there is no error code ${code}; there are: ${(near.length > 0 ? near : codes).join(', ')}`, {
    exit: exits.notFound,
  });
}
