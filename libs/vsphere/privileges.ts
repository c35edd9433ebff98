import type { Ref } from './control.ts';
import { list, type Value } from './xml.ts';

/** What of the privileges asked for is not granted at an object. */
export interface Lacking {
  readonly entity: Ref;
  readonly privileges: readonly string[];
}

type Availability = { readonly privId: string; readonly isGranted: boolean | string };

/** Of HasPrivilegeOnEntities' answer. Only what is said to be granted is. */
export const lackingIn = (answer: Value | undefined): Lacking[] =>
  list(answer).map((each) => {
    const { entity, privAvailability } = each as { readonly [key: string]: Value | undefined };
    const lacking = (list(privAvailability) as unknown as Availability[]).filter(
      ({ isGranted }) => isGranted !== true && isGranted !== 'true',
    );
    return { entity: entity as unknown as Ref, privileges: lacking.map(({ privId }) => privId) };
  });
