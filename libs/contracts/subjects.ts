/** The grammar of subjects: written here and nowhere else. */
export const streams = { events: 'EVENTS', commands: 'COMMANDS', progress: 'PROGRESS', dead: 'DEAD' } as const;
/** Key-value buckets: each is a stream of its own, named by NATS' rule. */
export const buckets = { outcomes: 'tranship-outcomes', leases: 'tranship-leases', limits: 'tranship-limits' } as const;
export type BucketName = (typeof buckets)[keyof typeof buckets];
export const root = 'tranship.v1';

export const services = ['gateway', 'inventory', 'planner', 'transfer', 'converter', 'vm-builder'] as const;
export type ServiceName = (typeof services)[number];

export const aggregates = ['provider', 'permits', 'map', 'plan', 'migration', 'vm', 'access'] as const;
export type Aggregate = (typeof aggregates)[number];

const tokenPattern = /^[A-Za-z0-9_-]+$/;

/** The key of an entry in a bucket. */
export const bucketKey = (...parts: readonly string[]): string => join(parts);

/** One subject token from any name: itself where it is plain, else `=` and its base64url form (reversible). */
export function token(name: string): string {
  return tokenPattern.test(name) ? name : `=${Buffer.from(name).toString('base64url')}`;
}

export function fromToken(value: string): string {
  return value.startsWith('=') ? Buffer.from(value.slice(1), 'base64url').toString() : value;
}

const join = (parts: readonly string[]) => parts.map(token).join('.');

export const subjects = {
  event: (aggregate: Aggregate, ...id: string[]) => `${root}.evt.${aggregate}.${join(id)}`,
  events: (aggregate?: Aggregate) => (aggregate ? `${root}.evt.${aggregate}.>` : `${root}.evt.>`),
  command: (service: ServiceName, verb: string, ...id: string[]) => `${root}.cmd.${service}.${verb}.${join(id)}`,
  commands: (service: ServiceName) => `${root}.cmd.${service}.>`,
  commandsOf: (service: ServiceName, migration: string, vm: string) =>
    `${root}.cmd.${service}.*.${join([migration, vm])}`,
  progress: (migration: string, vm: string, disk: string) => `${root}.prg.${join([migration, vm, disk])}`,
  allProgress: `${root}.prg.>`,
  dead: (service: ServiceName, verb: string, ...id: string[]) => `${root}.dead.${service}.${verb}.${join(id)}`,
  query: (service: ServiceName, name: string) => `${root}.qry.${service}.${name}`,
  close: (service: ServiceName, migration: string, vm: string) =>
    `${root}.qry.${service}.close.${join([migration, vm])}`,
  closings: (service: ServiceName) => `${root}.qry.${service}.close.>`,
};
