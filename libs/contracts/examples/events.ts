import type { z } from 'zod';
import type { Concern } from '../concerns.ts';
import type { Events, EventType } from '../events.ts';
import { documentExamples } from './documents.ts';
import { at, connection, ids, ours, problem, target } from './parts.ts';
import { stepExamples as steps } from './steps.ts';

const access = { who: 'ada', verb: 'POST', path: '/v1/plans/shop/start' };
const concern: Concern = {
  ...{ id: 'usb.controller', category: 'warning', label: 'USB controller', path: 'devices' },
  ...{ why: 'KubeVirt has no pass-through for it', fix: 'Remove it, or accept the concern' },
};

/** The data of each event; an event without an example does not compile. */
export const eventExamples: { readonly [K in EventType]: z.input<Events[K]['data']> } = {
  'provider.added': documentExamples.Provider,
  'provider.removed': {},
  'provider.ready': { apiVersion: '8.0.3.0', vms: 1204 },
  'provider.lost': { error: { ...problem, code: 'vsphere.unreachable', title: 'vCenter does not answer' } },
  'map.stored': documentExamples.NetworkMap,
  'map.removed': {},
  'plan.accepted': documentExamples.Plan,
  'plan.changed': documentExamples.Plan,
  'plan.validated': { plan: 'shop', ready: true, vms: [{ id: 'vm-42', name: 'web-01', concerns: [concern] }] },
  'plan.removed': {},
  'migration.started': { plan: 'shop', generation: 1, concurrency: 20, vms: [{ id: 'vm-42', name: 'web-01' }] },
  'migration.finished': { state: 'succeeded' },
  'migration.reopened': {},
  'permits.granted': { ...ids, host: 'host-21', sessions: 1 },
  'permits.returned': ids,
  'vm.queued': {
    ...{ name: 'web-01', plan: 'shop', workbench: ours.workbench, guestId: 'debian12_64Guest', power: 'poweredOn' },
    ...{ type: 'warm', group: ['vm-42', 'vm-43'], host: 'host-21', sessions: 1, sessionsPerHost: 4, tracking: true },
    ...{ cutover: { mode: 'at', at, budgetMs: 300_000 }, audit: 0.01, convert: 'auto', proof: 'standard', start: true },
    ...{ shutdown: { deadlineMs: 600_000, then: 'fail' }, health: { agent: 'ifPresent', deadlineMs: 600_000 } },
    ...{ onUnhealthy: 'hold', connection, target },
  },
  'vm.admitted': {},
  'vm.prepared': steps.prepare.result,
  'vm.pass-started': { pass: 2 },
  'vm.snapshotted': steps.snapshot.result,
  'vm.snapshot-removed': steps.removeSnapshot.result,
  'vm.forecast': {
    ...{ pass: 2, writeRate: 350_000, copyRate: 180_000_000, seconds: 38, low: 31, high: 55 },
    parts: { shutdown: 12, delta: 2, prove: 1, convert: 4, handOver: 4, boot: 15 },
  },
  'vm.cutover-requested': { at: '2026-12-01T22:00:00+01:00', force: false },
  'vm.cutover-due': { why: 'it is the time that the plan gives' },
  'vm.cutover-postponed': { error: { ...problem, code: 'source.shutdown-timeout', retry: false } },
  'vm.paused': {},
  'vm.resumed': {},
  'vm.powered-off': steps.powerOff.result,
  'vm.changes-found': steps.findChanges.result,
  'vm.pass-finished': steps.copy.result,
  'vm.proved': steps.prove.result,
  'vm.proof-failed': { error: { ...problem, code: 'transfer.proof', title: 'The target differs from what was read' } },
  'vm.converted': steps.convert.result,
  'vm.handed-over': steps.handOver.result,
  'vm.created': steps.create.result,
  'vm.source-checked': steps.checkOff.result,
  'vm.started': steps.start.result,
  'vm.healthy': steps.watchHealth.result,
  'vm.settled': steps.settle.result,
  'vm.succeeded': { unproven: false },
  'vm.step-failed': { step: 'copy', attempt: 1, error: problem, again: true },
  'vm.cancel-requested': {},
  'vm.retried': {},
  'vm.rollback-requested': {},
  'vm.undo-began': { error: problem },
  'vm.target-stopped': steps.stopTarget.result,
  'vm.contested': { error: { ...problem, code: 'source.contested', retry: false } },
  'vm.decision-needed': { error: { ...problem, code: 'target.unhealthy', retry: false } },
  'vm.target-removed': steps.removeTarget.result,
  'vm.source-tidied': steps.tidySource.result,
  'vm.source-started': steps.powerOn.result,
  'vm.failed': { error: problem },
  'vm.cancelled': {},
  'access.allowed': access,
  'access.denied': { ...access, why: 'vera has the role viewer; this needs operator' },
};
