import { TranshipError } from '@tranship/contracts';
import type { VSphere } from '@tranship/vsphere';
import type { Answer, Asked } from '../domain/privileges.ts';

/** Objects in one question. */
const atOnce = 100;

/** What our user may not do at these objects; at one that it may not even see, all that is asked for. */
export async function rightsAt(client: VSphere, objects: readonly Asked[], names: readonly string[]) {
  const answers: Answer[] = [];
  for (let i = 0; i < objects.length; i += atOnce)
    answers.push(...(await ask(client, objects.slice(i, i + atOnce), names)));
  return answers;
}

async function ask(client: VSphere, objects: readonly Asked[], names: readonly string[]): Promise<Answer[]> {
  const refs = objects.map(({ type, id }) => ({ type, value: id }));
  try {
    const lacking = new Map((await client.lacking(refs, names)).map((each) => [each.entity.value, each.privileges]));
    // Of what nothing is said nothing is granted.
    return objects.map((at) => ({ at, lacking: lacking.get(at.id) ?? names }));
  } catch (error) {
    // One that is hidden, or gone meanwhile, fails the question for all.
    if (!/^vsphere\.(denied|not-found)$/.test(TranshipError.from(error).code)) throw error;
    if (objects.length === 1) return [{ at: objects[0]!, lacking: names }];
    const half = objects.length >> 1;
    return [...(await ask(client, objects.slice(0, half), names)), ...(await ask(client, objects.slice(half), names))];
  }
}
