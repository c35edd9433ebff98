import type { Entry } from '../ports.ts';

const typeBits = 0o170000;
export const isFile = ({ mode }: Entry) => (mode & typeBits) === 0o100000;
export const isLink = ({ mode }: Entry) => (mode & typeBits) === 0o120000;
