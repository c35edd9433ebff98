import type { Change } from '../changes.ts';
import { type Part, refuse, together, type Whole } from '../part.ts';
import { controlSets, type WindowsFacts, type WindowsPart, winPaths } from './facts.ts';
import { missing } from './registry.ts';
import { clockRule, disksRule } from './rules/disks.ts';
import { driversRule } from './rules/drivers.ts';
import { fallbackRule } from './rules/fallback.ts';
import { firstStartRule } from './rules/first-start.ts';
import { networkRule } from './rules/network.ts';
import { toolsRule } from './rules/tools.ts';
import { driverFolder } from './windows.ts';

const rules: readonly ((facts: WindowsFacts) => WindowsPart)[] = [
  driversRule,
  fallbackRule,
  disksRule,
  clockRule,
  networkRule,
  toolsRule,
  firstStartRule,
];

/** What is to be changed in a Windows; with a refusal in it, nothing may be. */
export function planWindows(facts: WindowsFacts): Whole {
  const refusals = standing(facts);
  if (refusals.length > 0) return together([{ refusals }]);
  const parts = rules.map((rule) => rule(facts));
  return together([...parts, { changes: hiveChanges(facts, parts) }]);
}

/** What stands in the way of any conversion of it. */
function standing(facts: WindowsFacts): NonNullable<Part['refusals']> {
  const { windows } = facts;
  const unsupported = (detail: string) => [refuse('guest.windows-unsupported', detail)];
  if (driverFolder(windows) === undefined)
    return unsupported(
      `${windows.name} ${windows.version} ${windows.arch}: Windows Server 2016 to 2025, 10 (1607 and later) and 11 for x86-64 are converted`,
    );
  if (controlSets(facts).length === 0) return unsupported('its registry names no control set');
  return [];
}

/** What the rules together want of the hives and these do not hold already: one change a hive. */
function hiveChanges({ system, software, place }: WindowsFacts, parts: readonly WindowsPart[]): Change[] {
  const hives = [
    { name: 'SYSTEM', path: winPaths.system, hive: system, edits: parts.flatMap((part) => part.system ?? []) },
    { name: 'SOFTWARE', path: winPaths.software, hive: software, edits: parts.flatMap((part) => part.software ?? []) },
  ];
  return hives.flatMap(({ name, path, hive, edits }): Change[] => {
    const open = missing(hive, edits);
    return open.length > 0
      ? [{ kind: 'hive', path: place(path), prefix: `HKEY_LOCAL_MACHINE\\${name}`, edits: open }]
      : [];
  });
}
