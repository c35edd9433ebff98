import { queryExamples, type VmReport } from '@tranship/contracts';
import { expect, it } from 'vitest';
import { reportPage, text } from './report.ts';

const vm = queryExamples.report.result as VmReport;
const page = (over: Partial<VmReport> = {}) =>
  reportPage({
    migration: 'shop-1',
    plan: 'shop',
    state: 'succeeded',
    started: vm.times.queued,
    vms: [{ ...vm, ...over }],
  });
const widths = (html: string) => [...html.matchAll(/<i style="width:([\d.]+)%/g)].map(([, width]) => Number(width));

it('report - what a guest or a person named is text, wherever it stands', () => {
  const evil = `<script>alert("x")</script>'&`;
  const html = page({
    vm: { id: evil, name: evil },
    target: { namespace: evil, name: evil },
    disks: [{ index: 0, file: evil, sizeBytes: 1, storageClass: evil }],
    guest: { os: evil, engine: evil, reason: evil, files: [{ path: evil, before: evil, after: evil }] },
    nics: [{ mac: evil, before: { name: evil, addresses: [evil] }, after: { name: evil, addresses: [evil] } }],
    failures: [{ ...vm.failures[0]!, step: evil, error: { ...vm.failures[0]!.error, detail: evil } }],
    error: { ...vm.failures[0]!.error, detail: evil, fix: evil },
    node: evil,
  });
  expect(html).not.toContain(evil);
  expect(html).not.toMatch(/<script/i);
  expect(html.split(text(evil)).length).toBeGreaterThan(15);
  expect(text(evil)).toBe('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&#39;&amp;');
});

it('report - one file: nothing is loaded and nothing runs', () => {
  expect(page()).toMatch(/^<!doctype html>/);
  expect(page()).not.toMatch(/src=|href=|url\(|@import|\son\w+=/);
});

it('report - the downtime as a stacked bar beside its forecast, both to one scale', () => {
  const real = { shutdown: 10, delta: 5, prove: 5, convert: 10, handOver: 10, boot: 10 };
  const forecast = { ...vm.downtime!.forecast!, parts: { ...real, boot: 60 } };
  const found = widths(page({ downtime: { forecast, real, seconds: 50 } }));
  expect(found).toEqual([10, 5, 5, 10, 10, 60, 10, 5, 5, 10, 10, 10]);
  expect(widths(page({ downtime: { forecast: null, real, seconds: 50 } }))).toEqual([20, 10, 10, 20, 20, 20]);
  expect(page({ downtime: null })).toContain('No downtime');
});

it('report - files are told as new, removed or changed; a proof that is missing is said to be', () => {
  const files = [
    { path: '/a', before: null, after: '1' },
    { path: '/b', before: '1', after: null },
    { path: '/c', before: '1', after: '2' },
  ];
  const html = page({ guest: { os: 'Debian', engine: 'direct', reason: 'r', files }, proof: null });
  for (const each of ['/a <small>new', '/b <small>removed', '/c <small>changed', 'No proof'])
    expect(html).toContain(each);
});

it('report - what a comparison found on the target already is told, of each pass and of all', () => {
  const passes = [{ ...vm.passes[0]!, how: ['compare' as const], savedBytes: 3 * 1024 ** 2 }];
  const html = page({ passes, savedBytes: 3 * 1024 ** 2 });
  expect(html).toContain('<dt>Held already</dt><dd>3.0 MiB, found by comparison</dd>');
  expect(html).toContain('<td>compare</td>');
  expect(html.split('3.0 MiB')).toHaveLength(3);
});
