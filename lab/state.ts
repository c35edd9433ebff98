import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ownerLives } from './setup/owner.ts';

/** Everything of one running lab lies below this folder, and goes with it. */
export const stateDir = process.env.TRANSHIP_LAB_DIR ?? join(homedir(), '.local', 'state', 'tranship', 'lab');

/** What others need of a running lab: `lab.json` in the state folder. */
export interface Lab {
  /** The process whose end ends all, for it holds the lab's namespaces; as owner.ts names it. */
  holder: string;
  /** PID 1 of the lab's namespaces, as the machine counts. */
  init: number;
  /** The lab's address, as the machine and the pods see it. */
  address: string;
  kubeconfig: string;
  /** `passwords`: a folder with a file for each user. */
  nats: { url: string; passwords: string };
  /** `control`: what happens behind vCenter's back; `meter`: what nbdkits have read of its disks. */
  vcsim: {
    url: string;
    username: string;
    passwordFile: string;
    caFile: string;
    thumbprint: string;
    control: string;
    meter: string;
  };
  started: string;
}

export const labFile = (dir = stateDir): string => join(dir, 'lab.json');

/** The lab that runs; what a dead one left is for `up` and `down` to clean. */
export function runningLab(dir = stateDir): Lab | undefined {
  if (!existsSync(labFile(dir))) return undefined;
  const lab = JSON.parse(readFileSync(labFile(dir), 'utf8')) as Lab;
  // A file of an older version names none.
  return ownerLives(lab.holder ?? '') ? lab : undefined;
}

/** Writes a file so that a reader never sees half of it. */
export function writeWhole(file: string, text: string, mode = 0o644): void {
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode });
  renameSync(temporary, file);
}
