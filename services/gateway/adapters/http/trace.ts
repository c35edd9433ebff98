import { randomBytes } from 'node:crypto';

export interface Trace {
  /** 32 hex digits. */
  readonly id: string;
  /** W3C, to hand on. */
  readonly parent: string;
}

const pattern = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/;

/** The caller's trace, gone on with; or a new one. */
export function traceOf(header: string | undefined): Trace {
  const given = header === undefined ? null : pattern.exec(header);
  const id = given?.[1] ?? randomBytes(16).toString('hex');
  return { id, parent: `00-${id}-${randomBytes(8).toString('hex')}-01` };
}
