export { type Address, type Extent, NbdClient } from './client.ts';
