/** Reads `length` bytes at `offset`; fewer at the disk's end. */
export type Read = (offset: number, length: number) => Buffer;
