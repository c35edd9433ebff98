import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { type Document, parseDocuments, TranshipError } from '@tranship/contracts';
import { usage } from './errors.ts';
import type { Terminal } from './terminal.ts';

const extensions = new Set(['.yaml', '.yml', '.json']);

/** `-f F -f G`, as a list. */
export const collect = (value: string, before: string[] = []): string[] => [...before, value];

/** The documents of files, of the files in folders, and of standard input (`-`), checked; an error names its file. */
export async function readDocuments(paths: readonly string[], terminal: Terminal): Promise<Document[]> {
  const documents: Document[] = [];
  for (const file of paths.flatMap(filesOf)) {
    const text = file === '-' ? await terminal.readAll() : read(file);
    try {
      documents.push(...parseDocuments(text));
    } catch (error) {
      if (!(error instanceof TranshipError)) throw error;
      const where = file === '-' ? 'standard input' : file;
      throw new TranshipError(
        error.code,
        `${where}: ${error.detail}`,
        error.path === undefined ? {} : { path: error.path },
      );
    }
  }
  return documents;
}

function filesOf(path: string): string[] {
  if (path === '-') return [path];
  try {
    if (!statSync(path).isDirectory()) return [path];
    const found = readdirSync(path)
      .filter((name) => extensions.has(extname(name)))
      .sort();
    return found.map((name) => join(path, name));
  } catch (error) {
    throw unreadable(path, error);
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unreadable(file, error);
  }
}

const unreadable = (path: string, error: unknown) =>
  usage(`cannot read ${path} (${(error as NodeJS.ErrnoException).code})`);
