/** What a code means, how to mend it, and whether trying again may help. */
export interface Entry {
  readonly title: string;
  readonly fix: string;
  readonly retry: boolean;
  /** HTTP status at the gateway. */
  readonly status: number;
}
