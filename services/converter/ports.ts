/** The word that transfer honours: a disk so marked is no longer what its ledger says. */
export interface Marks {
  isDiverged(disk: number): boolean;
  /** Durable before it returns. */
  markDiverged(disk: number): void;
  /** The disk is again, to its last byte, what it was before it was marked. */
  clearDiverged(disk: number): void;
}
