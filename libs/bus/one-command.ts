import type { JsMsg } from '@nats-io/jetstream';
import { type Envelope, envelopeSchema } from '@tranship/contracts';

/** `redelivered`: somebody may have begun with it already. */
export type Handler = (message: Envelope, subject: string, redelivered: boolean) => Promise<void>;
/** Keeps what is given up, with the reason. */
export type Bury = (subject: string, message: string, error: unknown) => Promise<void>;

const longestPauseMs = 30_000;

/** One delivery of a command: done and acknowledged, given back for another try, or given up. Never throws. */
export async function handle(
  message: JsMsg,
  handler: Handler,
  dead: Bury,
  { aliveMs, tries }: { aliveMs: number; tries: number },
): Promise<void> {
  const { deliveryCount } = message.info;
  const alive = setInterval(() => attempt(() => message.working()), aliveMs);
  try {
    if (deliveryCount > tries) await giveUp(message, dead, new Error('its worker died, again and again'));
    else {
      await handler(envelopeSchema.parse(JSON.parse(message.string())) as Envelope, message.subject, deliveryCount > 1);
      await message.ackAck();
    }
  } catch (error) {
    if (deliveryCount >= tries) await giveUp(message, dead, error);
    else attempt(() => message.nak(Math.min(1000 * 2 ** (deliveryCount - 1), longestPauseMs)));
  } finally {
    clearInterval(alive);
  }
}

/** Where it cannot even be buried it stays, and is delivered again. */
async function giveUp(message: JsMsg, dead: Bury, error: unknown): Promise<void> {
  await dead(message.subject, message.string(), error).then(
    () => attempt(() => message.term('given up')),
    () => attempt(() => message.nak(longestPauseMs)),
  );
}

/** The connection may be closed already: then the server finds out by itself. */
function attempt(say: () => void): void {
  try {
    say();
  } catch {
    // Nothing to be told to nobody.
  }
}
