const maxLines = 4000;
const context = 3;

/** A unified diff of two texts, without its header; undefined where they are too long to compare. */
export function unifiedDiff(before: string, after: string): string | undefined {
  const [a, b] = [lines(before), lines(after)];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const [left, right] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  if (left.length * right.length > maxLines * 100 || a.length + b.length > maxLines * 10) return undefined;
  const edits = [
    ...a.slice(Math.max(0, start - context), start).map((line) => ` ${line}`),
    ...compare(left, right),
    ...a.slice(a.length - end, a.length - end + context).map((line) => ` ${line}`),
  ];
  const from = Math.max(0, start - context);
  const count = (marks: string) => edits.filter((line) => marks.includes(line[0]!)).length;
  return [`@@ -${from + 1},${count(' -')} +${from + 1},${count(' +')} @@`, ...edits].join('\n');
}

const lines = (text: string) => (text === '' ? [] : text.replace(/\n$/, '').split('\n'));

/** By the longest common run of lines. */
function compare(a: readonly string[], b: readonly string[]): string[] {
  const width = b.length + 1;
  const longest = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      longest[i * width + j] =
        a[i] === b[j]
          ? longest[(i + 1) * width + j + 1]! + 1
          : Math.max(longest[(i + 1) * width + j]!, longest[i * width + j + 1]!);
  const edits: string[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      edits.push(` ${a[i++]}`);
      j++;
    } else if (j >= b.length || (i < a.length && longest[(i + 1) * width + j]! >= longest[i * width + j + 1]!))
      edits.push(`-${a[i++]}`);
    else edits.push(`+${b[j++]}`);
  }
  return edits;
}
