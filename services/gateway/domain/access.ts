/** Roles, each with the rights of those before it. */
export const roles = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof roles)[number];

export interface Caller {
  readonly name: string;
  readonly role: Role;
}

/** Why the caller may not, or undefined when it may. */
export function denial(caller: Caller, needed: Role): string | undefined {
  if (roles.indexOf(caller.role) >= roles.indexOf(needed)) return undefined;
  return `${caller.name} has the role ${caller.role}; this needs ${needed}`;
}
