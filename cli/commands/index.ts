import type { Register } from '../program.ts';
import { apply } from './apply.ts';
import { archive } from './archive.ts';
import { deleteOne } from './delete.ts';
import { describe } from './describe.ts';
import { doctor } from './doctor.ts';
import { events } from './events.ts';
import { explain } from './explain.ts';
import { get } from './get.ts';
import { guest } from './guest.ts';
import { inventory } from './inventory.ts';
import { demo, lab } from './lab.ts';
import { migrationVerbs } from './migration-verbs.ts';
import { preview } from './preview.ts';
import { proof } from './proof.ts';
import { provider } from './provider.ts';
import { rehearsal } from './rehearsal.ts';
import { report } from './report.ts';
import { start } from './start.ts';
import { timeline } from './timeline.ts';
import { validate } from './validate.ts';
import { wait } from './wait.ts';
import { watch } from './watch.ts';

/** Every verb, in the order of the help. */
export const registers: readonly Register[] = [
  apply,
  get,
  describe,
  deleteOne,
  provider,
  inventory,
  validate,
  preview,
  start,
  watch,
  wait,
  migrationVerbs,
  archive,
  timeline,
  rehearsal,
  proof,
  report,
  events,
  explain,
  guest,
  doctor,
  lab,
  demo,
];
