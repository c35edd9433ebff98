/** Refused strangers that are told one by one, for each address and minute; the rest is counted. */
const toldEach = 10;
export const windowMs = 60_000;
/** Addresses that are kept apart; who comes from yet another shares one account with all of those. */
const addresses = 1_000;

interface Account {
  readonly since: number;
  told: number;
  untold: number;
}

/** Keeps who has no token from filling the audit log: anybody may knock as often as they like. */
export class Denials {
  readonly #accounts = new Map<string, Account>();

  /** Whether this one is to be told by itself. */
  note(address: string, now: number): boolean {
    const known = this.#accounts.has(address) || this.#accounts.size < addresses;
    const key = known ? address : 'other addresses';
    const account = this.#accounts.get(key) ?? { since: now, told: 0, untold: 0 };
    this.#accounts.set(key, account);
    if (account.told < toldEach) {
      account.told += 1;
      return true;
    }
    account.untold += 1;
    return false;
  }

  /** Ends the accounts whose minute is over; gives what was only counted. */
  settle(now: number): { address: string; count: number }[] {
    const over = [...this.#accounts].filter(([, { since }]) => now - since >= windowMs);
    for (const [address] of over) this.#accounts.delete(address);
    return over.filter(([, { untold }]) => untold > 0).map(([address, { untold }]) => ({ address, count: untold }));
  }
}
