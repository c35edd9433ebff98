import { type QueryName, queries } from './queries.ts';
import { steps } from './steps.ts';
import { type Aggregate, buckets, root, type ServiceName, services, streams, subjects } from './subjects.ts';
import { mostBytes, partBytes } from './wire.ts';

/** The users of NATS: one a service, and one that only reads events. */
export const natsUsers = [...services, 'audit'] as const;
export type NatsUser = (typeof natsUsers)[number];

/** As nats-server's configuration has it. */
export interface Permissions {
  readonly publish: { readonly allow: readonly string[]; readonly deny: readonly string[] };
  readonly subscribe: { readonly allow: readonly string[] };
  /** An answer to whoever asked: one message, or as many as it has parts. */
  readonly allow_responses: boolean | { readonly max: number; readonly expires: string };
}

/** Who owns which aggregates, and so appends their events. */
const owned: Readonly<Record<ServiceName, readonly Aggregate[]>> = {
  planner: ['plan', 'migration', 'vm', 'permits'],
  inventory: ['provider'],
  gateway: ['map', 'access'],
  'vm-builder': [],
  transfer: [],
  converter: [],
};
/** They run in workbenches, beside guests' bytes: they have their steps, their outcomes and objects, and nothing else. */
export const inWorkbench: readonly NatsUser[] = ['transfer', 'converter'];
/** Who has steps to do. */
const workers: ReadonlySet<NatsUser> = new Set(Object.values(steps).map(({ service }) => service));
/** Who hears how copies go: the gateway tells people, the planner slows them down. */
const hearers: ReadonlySet<NatsUser> = new Set<NatsUser>(['gateway', 'planner']);
/** Queries that one service alone may ask. */
const guarded: Partial<Record<QueryName, ServiceName>> = {
  readSecret: 'inventory',
  putSecret: 'gateway',
};

const api = (verb: string, ...rest: string[]) => ['$JS.API', verb, ...rest].join('.');
/** Where answers come to: nobody hears those of another. */
export const inboxPrefix = (user: string): string => `_INBOX.${user}`;

/** What a user may say and hear. */
export function permissionsOf(user: NatsUser): Permissions {
  const inbox = `${inboxPrefix(user)}.>`;
  if (user === 'audit')
    return {
      publish: { allow: [api('INFO'), ...readEvents], deny: [] },
      subscribe: { allow: [inbox] },
      allow_responses: false,
    };
  const parts = [
    ...(workers.has(user) || user === 'planner' ? taking(user) : []),
    ...(workers.has(user) ? reporting : []),
    ...(user === 'gateway' ? readObjects : []),
    ...(user === 'transfer' ? [reading(buckets.limits)] : []),
    ...(inWorkbench.includes(user) ? [] : house(user)),
  ];
  return {
    publish: { allow: [api('INFO'), ...parts], deny: denied(user) },
    subscribe: { allow: [inbox, subjects.query(user, '*'), ...hearing(user)] },
    allow_responses: inWorkbench.includes(user) || { max: mostBytes / partBytes, expires: '1m' },
  };
}

const hearing = (user: ServiceName) => [
  ...(hearers.has(user) ? [subjects.allProgress] : []),
  ...(inWorkbench.includes(user) ? [subjects.closings(user)] : []),
];

/** Consumers of the event log, of one's own making, which acknowledge nothing. */
const readEvents = [
  api('STREAM.INFO', streams.events),
  api('CONSUMER.CREATE', streams.events, '>'),
  api('CONSUMER.INFO', streams.events, '*'),
  api('CONSUMER.MSG.NEXT', streams.events, '*'),
  api('CONSUMER.DELETE', streams.events, '*'),
];

const reading = (bucket: string) => api('DIRECT.GET', `KV_${bucket}`, '>');
const bucket = (name: string) => [`$KV.${name}.>`, reading(name)];

/** The commands of a service, and what it gives up of them. */
function taking(service: ServiceName): string[] {
  const consumer = inWorkbench.includes(service) ? '*' : service;
  return [
    api('CONSUMER.CREATE', streams.commands, consumer, subjects.commands(service)),
    api('CONSUMER.INFO', streams.commands, consumer),
    api('CONSUMER.MSG.NEXT', streams.commands, consumer),
    `$JS.ACK.${streams.commands}.${consumer}.>`,
    `${root}.dead.${service}.>`,
  ];
}

const objects = 'OBJ_tranship';
/** What is too large for a message, read. */
const readObjects = [
  ...['STREAM.INFO', 'STREAM.CREATE', 'STREAM.MSG.GET'].map((verb) => api(verb, objects)),
  ...['DIRECT.GET', 'CONSUMER.CREATE', 'CONSUMER.INFO', 'CONSUMER.DELETE', 'CONSUMER.MSG.NEXT'].map((verb) =>
    api(verb, objects, '>'),
  ),
];
/** How a step goes and how it ended, and what is too large for a message. */
const reporting = [
  `${root}.cmd.planner.report.>`,
  subjects.allProgress,
  ...bucket(buckets.outcomes),
  '$O.tranship.>',
  api('STREAM.PURGE', objects),
  ...readObjects,
];

/** The services that stand: the streams, the log, questions, and who leads. */
function house(service: ServiceName): string[] {
  const made = [...Object.values(streams), ...Object.values(buckets).map((name) => `KV_${name}`)];
  return [
    ...made.flatMap((name) => ['CREATE', 'UPDATE', 'INFO'].map((verb) => api(`STREAM.${verb}`, name))),
    ...readEvents,
    api('DIRECT.GET', streams.events),
    ...owned[service].map((aggregate) => subjects.events(aggregate)),
    `${root}.qry.>`,
    ...bucket(buckets.leases),
    ...(service === 'planner'
      ? [`${root}.cmd.>`, api('STREAM.MSG.GET', streams.commands), ...bucket(buckets.limits)]
      : []),
    ...(service === 'vm-builder'
      ? [api('STREAM.PURGE', streams.commands), api('CONSUMER.DELETE', streams.commands, '*')]
      : []),
  ];
}

function denied(service: ServiceName): string[] {
  const questions = Object.entries(guarded)
    .filter(([, asker]) => asker !== service)
    .map(([name]) => subjects.query(queries[name as QueryName].service, name));
  // A workbench's consumers have names of their own; those of the house have its services' names.
  const consumers = inWorkbench.includes(service)
    ? services.flatMap((name) => [
        api('CONSUMER.CREATE', streams.commands, name, '>'),
        api('CONSUMER.MSG.NEXT', streams.commands, name),
        `$JS.ACK.${streams.commands}.${name}.>`,
      ])
    : [];
  return [...questions, ...consumers];
}

/** The `authorization` block of nats-server's configuration. */
export const natsAuthorization = (passwordOf: (user: NatsUser) => string) => ({
  users: natsUsers.map((user) => ({ user, password: passwordOf(user), permissions: permissionsOf(user) })),
});
