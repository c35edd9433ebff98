/** What a concern means and how to mend it; what was found, and where, comes with each. */
export interface ConcernEntry {
  readonly category: 'critical' | 'warning' | 'information';
  readonly label: string;
  readonly fix: string;
  /** A plan may accept it: what it speaks of can be moved all the same, or stays behind without harm. */
  readonly acceptable?: true;
}
