import type { Readable } from 'node:stream';
import { TranshipError } from '@tranship/contracts';
import { SaxesParser } from 'saxes';

/** One element as read: local name, the local part of its xsi:type, attributes, children. */
export interface Element {
  readonly name: string;
  readonly type: string | undefined;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  text: string;
}

const local = (name: string) => name.slice(name.indexOf(':') + 1);
const instance = 'http://www.w3.org/2001/XMLSchema-instance';

/** Longest answer that is read, in characters: a server that never ends is cut off. */
const maxCharacters = 512 * 1024 * 1024;

/**
 * Reads XML as it comes. Elements named in `cut` are handed to `onElement` when they end and then forgotten, so that a
 * large answer never stands whole in memory; the rest is returned as a tree.
 */
export async function readXml(
  stream: Readable,
  cut: ReadonlySet<string> = new Set(),
  onElement: (element: Element) => void = () => {},
): Promise<Element> {
  const parser = new SaxesParser({ xmlns: true });
  const top: Element = { name: '', type: undefined, attributes: {}, children: [], text: '' };
  const open: Element[] = [top];
  let failure: Error | undefined;
  parser.on('error', (error) => {
    failure ??= error;
  });
  parser.on('opentag', (tag) => {
    const attributes: Record<string, string> = {};
    let type: string | undefined;
    for (const attribute of Object.values(tag.attributes)) {
      if (attribute.uri === instance && attribute.local === 'type') type = local(attribute.value);
      else attributes[attribute.local] = attribute.value;
    }
    open.push({ name: tag.local, type, attributes, children: [], text: '' });
  });
  const addText = (text: string) => {
    open.at(-1)!.text += text;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', () => {
    const element = open.pop()!;
    if (cut.has(element.name)) onElement(element);
    else open.at(-1)?.children.push(element);
  });
  let size = 0;
  stream.setEncoding('utf8');
  for await (const chunk of whole(stream)) {
    size += chunk.length;
    if (size > maxCharacters) throw new TranshipError('vsphere.fault', 'the answer is larger than 512 MiB');
    parser.write(chunk);
    if (failure) break;
  }
  parser.close();
  if (failure) throw new TranshipError('vsphere.fault', `the answer is no XML: ${failure.message.slice(0, 200)}`);
  return top;
}

/** An answer that is cut off in the middle is a server that went away. */
async function* whole(stream: Readable): AsyncGenerator<string> {
  try {
    yield* stream as AsyncIterable<string>;
  } catch (error) {
    throw new TranshipError('vsphere.unreachable', `the answer was cut off: ${(error as Error).message}`);
  }
}

export async function wholeText(stream: Readable): Promise<string> {
  stream.setEncoding('utf8');
  let text = '';
  for await (const chunk of whole(stream)) text += chunk;
  return text;
}

export const child = (element: Element | undefined, name: string): Element | undefined =>
  element?.children.find((c) => c.name === name);

/** Any vSphere value: what is a list in vSphere may be a single value here, see {@link list}. */
export type Value = string | number | boolean | Value[] | { readonly [key: string]: Value | undefined };

/** Decodes by xsi:type where there is one. Objects keep it as `$type`; references become `{type, value}`. */
export function decode(element: Element): Value {
  const { type, children, text, attributes } = element;
  if (type?.startsWith('ArrayOf')) return children.map(decode);
  if (children.length === 0) return leaf(type, text, attributes);
  const object: Record<string, Value> = type === undefined ? {} : { $type: type };
  for (const each of children) {
    const value = decode(each);
    const before = object[each.name];
    if (before === undefined) object[each.name] = value;
    else if (repeated.has(before as object)) (before as Value[]).push(value);
    else {
      const many = [before, value];
      repeated.add(many);
      object[each.name] = many;
    }
  }
  return object;
}

/** Lists that we made from repeated elements, told from those that are values themselves. */
const repeated = new WeakSet<object>();

function leaf(type: string | undefined, text: string, attributes: Readonly<Record<string, string>>): Value {
  if (type === undefined || type === 'string')
    return attributes.type === undefined ? text : { type: attributes.type, value: text };
  if (type === 'boolean') return text === 'true' || text === '1';
  if (/^(byte|short|int|long|float|double)$/.test(type)) return Number(text);
  if (attributes.type !== undefined) return { type: attributes.type, value: text };
  return /^[A-Z]/.test(type) && text === '' ? { $type: type } : text;
}

/** What vSphere calls a list, whatever number of elements it had. */
export const list = (value: Value | undefined): Value[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
export const escapeXml = (text: string): string => text.replace(/[&<>"]/g, (sign) => entities[sign]!);
