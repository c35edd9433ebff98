import { TranshipError } from '@tranship/contracts';

/** A refusal that has its name: an answer as good as any. */
export const isRefusal = (error: unknown): boolean => error instanceof TranshipError && error.code.startsWith('guest.');

/** What is asked for; undefined: it was refused. Anything else is thrown on. */
export async function expected<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return undefined;
  }
}
