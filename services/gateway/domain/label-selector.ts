import { TranshipError } from '@tranship/contracts';

type Labels = Readonly<Record<string, string>>;
type Test = (labels: Labels) => boolean;

/** A Kubernetes label selector: `a=b, c!=d, e in (x,y), f notin (z), g, !h`. */
export function labelSelector(text: string): Test {
  const tests = requirements(text).map(requirement);
  return (labels) => tests.every((test) => test(labels));
}

/** Divides at the commas that stand outside parentheses. */
const requirements = (text: string): string[] =>
  text
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '');

const key = '[A-Za-z0-9./_-]+';
const setPattern = new RegExp(`^(${key})\\s+(in|notin)\\s*\\(([^)]*)\\)$`);
const equalPattern = new RegExp(`^(${key})\\s*(==|=|!=)\\s*([A-Za-z0-9._-]*)$`);
const existsPattern = new RegExp(`^(!?)\\s*(${key})$`);

function requirement(text: string): Test {
  const set = setPattern.exec(text);
  if (set) {
    const [, name = '', verb, list = ''] = set;
    const values = new Set(list.split(',').map((value) => value.trim()));
    return verb === 'in'
      ? (labels) => labels[name] !== undefined && values.has(labels[name])
      : (labels) => labels[name] === undefined || !values.has(labels[name]);
  }
  const equal = equalPattern.exec(text);
  if (equal) {
    const [, name = '', verb, value] = equal;
    return verb === '!=' ? (labels) => labels[name] !== value : (labels) => labels[name] === value;
  }
  const exists = existsPattern.exec(text);
  if (exists) {
    const [, not, name = ''] = exists;
    return (labels) => (labels[name] === undefined) === (not === '!');
  }
  throw new TranshipError('document.invalid', `labelSelector: cannot read ${JSON.stringify(text)}`, {
    path: 'labelSelector',
  });
}
