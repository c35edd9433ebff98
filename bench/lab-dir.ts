import { homedir } from 'node:os';
import { join } from 'node:path';

// The benches' lab stands beside one that a person may have running. Imported before what reads it.
process.env.TRANSHIP_LAB_DIR ??= join(homedir(), '.local/state/tranship/bench');
