import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const services = ['gateway', 'planner', 'inventory', 'vm-builder', 'transfer', 'converter'];

/** What of the repository goes into the image. */
export const sources: readonly string[] = ['package.json', 'libs', ...services.map((name) => `services/${name}`)];

/** Lays out the context of the services' image: `app` with sources and the packages they need at run time, and `node`. */
export function layOut(folder: string): void {
  const app = join(folder, 'app');
  const packages = join(app, 'node_modules');
  mkdirSync(join(packages, '@tranship'), { recursive: true });
  const own = (path: string) => path.slice(repository.length);
  const wanted = (from: string) => !/(^|\/)(node_modules|\.turbo|testing)$|\.test\.ts$/.test(own(from));
  for (const path of sources) cpSync(join(repository, path), join(app, path), { recursive: true, filter: wanted });
  for (const name of closure()) {
    if (name.startsWith('@tranship/')) symlinkSync(`../../libs/${name.slice(10)}`, join(packages, name));
    else cpSync(join(repository, 'node_modules', name), join(packages, name), { recursive: true });
  }
  cpSync(join(repository, 'node_modules/node/bin/node'), join(folder, 'node'), { dereference: true });
}

/** Every package that the services need at run time, as the lock file laid them out. */
function closure(): Set<string> {
  const found = new Set<string>();
  const visit = (folder: string) => {
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(
      readFileSync(join(repository, folder, 'package.json'), 'utf8'),
    ) as Record<string, Record<string, string>>;
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const path = join('node_modules', name);
      if (found.has(name) || !existsSync(join(repository, path))) continue;
      found.add(name);
      visit(path);
    }
  };
  for (const name of services) visit(`services/${name}`);
  return found;
}

if (import.meta.main) {
  const [folder] = process.argv.slice(2);
  if (!folder || existsSync(folder)) throw new Error('usage: node deploy/images/context.ts NEW-FOLDER');
  layOut(folder);
}
