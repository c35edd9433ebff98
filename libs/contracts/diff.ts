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
  return hunks([
    ...a.slice(0, start).map((line) => ` ${line}`),
    ...compare(left, right),
    ...a.slice(a.length - end).map((line) => ` ${line}`),
  ]).join('\n');
}

/** The lines that change, each with what stands around it. */
function hunks(edits: readonly string[]): string[] {
  const isChange = (line: string) => line[0] !== ' ';
  const isNear = edits.map((_, i) => edits.slice(Math.max(0, i - context), i + context + 1).some(isChange));
  const told: string[] = [];
  let [from, to] = [1, 1];
  for (const [i, line] of edits.entries()) {
    if (isNear[i] && !isNear[i - 1]) {
      const end = isNear.indexOf(false, i);
      const hunk = edits.slice(i, end === -1 ? undefined : end);
      const count = (marks: string) => hunk.filter((each) => marks.includes(each[0]!)).length;
      told.push(`@@ -${from},${count(' -')} +${to},${count(' +')} @@`, ...hunk);
    }
    if (line[0] !== '+') from++;
    if (line[0] !== '-') to++;
  }
  return told;
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
