/** What a guest that will not come up says on its serial console, and what it means. */
const ends: readonly (readonly [RegExp, string])[] = [
  [/Kernel panic - not syncing[^\r\n]*/, 'its kernel panicked'],
  [/ALERT! {1,4}\S{1,200} {1,4}does not exist[^\r\n]*/, 'its initramfs does not find the root'],
  [/\(initramfs\) *$/, 'its initramfs gave up'],
  [/Entering emergency mode[^\r\n]*|You are in (?:emergency|rescue) mode[^\r\n]*/, 'it is in emergency mode'],
  [
    /dracut-initqueue\S{0,40} timeout[^\r\n]*|Warning: \S{1,200} does not exist[^\r\n]*/,
    'its initramfs does not find the root',
  ],
  [/grub rescue>/, 'its boot loader does not find its files'],
  [/BdsDxe: No bootable option[^\r\n]*|No bootable device[^\r\n]*/, 'the firmware finds no boot loader'],
];

const mostText = 200;

/** Escape sequences that colour and clear. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
const escapes = /\x1b(?:\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>78c])/g;

/** What the console says of the boot so far; `undefined`: nothing yet. */
export function markOf(
  console: string,
): { readonly up: true } | { readonly up: false; readonly why: string } | undefined {
  const text = console.replace(escapes, '');
  for (const [pattern, meaning] of ends) {
    const found = pattern.exec(text);
    if (found) return { up: false, why: `${meaning}: ${found[0].trim().slice(0, mostText)}` };
  }
  // The kernel may go on talking behind it.
  return /\blogin: *(?:$|[\r\n[])/.test(text) ? { up: true } : undefined;
}

/** The last lines that say anything, for a person. */
export const lastLines = (console: string, count = 3): string =>
  console
    .replace(escapes, '')
    .split(/[\r\n]+/)
    .map((line) => line.trim().slice(0, mostText))
    .filter((line) => line !== '')
    .slice(-count)
    .join(' | ');
