import {
  migrationSchema,
  queries,
  rehearsalSchema,
  signedProofSchema,
  TranshipError,
  throttleSchema,
  timelineEntrySchema,
  vmReportSchema,
} from '@tranship/contracts';
import { z } from 'zod';
import { type Endpoint, endpoint } from '../adapters/http/endpoint.ts';
import type { Ask, World } from '../ports.ts';
import { pageQuery } from './documents.ts';

const verbs = ['cutover', 'cancel', 'retry', 'pause', 'resume', 'rollback', 'throttle', 'rehearse'] as const;
/** Of a cutover: at a time instead of now; over the budget all the same. */
const cutoverOptions = z.strictObject({
  at: z.iso.datetime({ offset: true }).optional(),
  force: z.boolean().optional(),
});
const noOptions = z.strictObject({}).optional();
/** What each verb may be told. */
const options: Readonly<Record<(typeof verbs)[number], z.ZodType>> = {
  ...{ cancel: noOptions, retry: noOptions, pause: noOptions, resume: noOptions, rollback: noOptions },
  rehearse: noOptions,
  cutover: cutoverOptions.optional(),
  throttle: z.strictObject(throttleSchema.shape),
};
const one = '/v1/migrations/{id}';
const oneVm = `${one}/vms/{vm}`;
const listQuery = z.strictObject({ ...pageQuery, plan: z.string().optional() });
const timeline = z.object({ items: z.array(timelineEntrySchema) });

/** Migrations, read and acted upon. `{vm}` is the VM's id or name. */
export function migrationEndpoints({ ask, object }: Pick<World, 'ask' | 'object'>): Endpoint[] {
  const actions = verbs.flatMap((verb) =>
    [one, oneVm].map((path) =>
      endpoint({
        method: 'POST',
        path: `${path}/${verb}`,
        summary: `Asks for ${verb} of ${path === one ? 'every VM that it is possible for' : 'one VM'}`,
        role: 'operator',
        write: true,
        body: options[verb],
        result: migrationSchema,
        status: 202,
        handle: async ({ params: { id, vm }, body }) => ({
          headers: { location: `/v1/migrations/${id}` },
          body: await ask('actOnMigration', {
            ...(body as object | undefined),
            name: id!,
            verb,
            ...(vm === undefined ? {} : { vm }),
          }),
        }),
      }),
    ),
  );
  const timelines = [one, oneVm].map((path) =>
    endpoint({
      method: 'GET',
      path: `${path}/timeline`,
      summary: `What happened to ${path === one ? 'a migration and its VMs' : 'one VM'}, in order`,
      role: 'viewer',
      write: false,
      result: timeline,
      handle: async ({ params: { id, vm } }) => ({
        body: await ask('timeline', { name: id!, ...(vm === undefined ? {} : { vm }) }),
      }),
    }),
  );
  return [
    endpoint({
      method: 'GET',
      path: '/v1/migrations',
      summary: 'All migrations, or those of one plan',
      role: 'viewer',
      write: false,
      query: listQuery,
      result: queries.listMigrations.result,
      handle: async ({ query }) => ({ body: await ask('listMigrations', query) }),
    }),
    endpoint({
      method: 'GET',
      path: one,
      summary: 'One migration: the state of each VM, and what is known of it',
      role: 'viewer',
      write: false,
      result: migrationSchema,
      handle: async ({ params }) => ({ body: await ask('getMigration', { name: params.id! }) }),
    }),
    endpoint({
      method: 'GET',
      path: `${oneVm}/proof`,
      summary: 'What proves that the target’s disks equalled the source’s, signed',
      role: 'viewer',
      write: false,
      result: signedProofSchema,
      handle: async ({ params: { id, vm } }) => ({ body: await ask('proof', { name: id!, vm: vm! }) }),
    }),
    endpoint({
      method: 'GET',
      path: `${oneVm}/report`,
      summary: 'What became of one VM: sizes, passes, downtime as forecast and as it was, proof, before and after',
      role: 'viewer',
      write: false,
      result: vmReportSchema,
      handle: async ({ params: { id, vm } }) => ({ body: await ask('report', { name: id!, vm: vm! }) }),
    }),
    ...rehearsals(ask, object),
    ...timelines,
    ...actions,
  ];
}

/** What was seen of the copy's last boot, and the evidence. */
function rehearsals(ask: Ask, object: World['object']): Endpoint[] {
  const seen = (params: Readonly<Record<string, string>>) => ask('rehearsal', { name: params.id!, vm: params.vm! });
  const evidence = (what: 'console' | 'screen', type: string, summary: string) =>
    endpoint({
      method: 'GET',
      path: `${oneVm}/rehearsal/${what}`,
      summary,
      role: 'viewer',
      write: false,
      handle: async ({ params }) => {
        const name = (await seen(params)).boot?.[what];
        if (name === undefined) throw new TranshipError('rehearsal.none', `its last rehearsal left no ${what}`);
        return { type, bytes: await object(name) };
      },
    });
  return [
    endpoint({
      method: 'GET',
      path: `${oneVm}/rehearsal`,
      summary: 'How the last rehearsal of one VM went: whether its copy booted, by what, and with which addresses',
      role: 'viewer',
      write: false,
      result: rehearsalSchema,
      handle: async ({ params }) => ({ body: await seen(params) }),
    }),
    evidence('console', 'text/plain; charset=utf-8', 'What the guest said on its serial console in its last rehearsal'),
    evidence('screen', 'image/png', 'The guest’s screen at the end of its last rehearsal'),
  ];
}
