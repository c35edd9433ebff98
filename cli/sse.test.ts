import { expect, it } from 'vitest';
import { SseParser } from './sse.ts';

const text = 'retry: 500\n\n: a comment\nid: 7\nevent: vm\ndata: {"a":\ndata: 1}\n\ndata: plain\r\n\r\n';
const frames = [
  { id: '7', event: 'vm', data: '{"a":\n1}' },
  { id: undefined, event: 'message', data: 'plain' },
];

it('sse - events are the same however the text is cut', () => {
  for (let size = 1; size <= text.length; size++) {
    const parser = new SseParser();
    const got = [];
    for (let at = 0; at < text.length; at += size) got.push(...parser.push(text.slice(at, at + size)));
    expect(got).toEqual(frames);
    expect(parser.retryMs).toBe(500);
  }
});

it('sse - without data there is no event; an event that is cut off is none yet', () => {
  const parser = new SseParser();
  expect(parser.push('event: ping\n\nid: 1\n\n')).toEqual([]);
  expect(parser.push('id: 2\ndata: half\n')).toEqual([]);
  expect(parser.push('\n')).toEqual([{ id: '2', event: 'message', data: 'half' }]);
});
