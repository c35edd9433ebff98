const mib = 1024 * 1024;
const all = 16 * mib;
const least = 4 * mib;
/** Large requests cost the processor least; with fewer than so many side by side a source's latency shows. */
const large = 8;
/** Small ones: VMware's library answers 16 at once, and as many are being written meanwhile. */
const requests = 32;

/** What one of a VM's disks may hold in flight. Of one disk a request is of 2 MiB, the most that others ask vCenter for. */
export function memoryFor(disks: number): { memoryBytes: number; requestBytes: number; inFlight: number } {
  const memoryBytes = Math.max(least, Math.floor(all / Math.max(1, disks) / mib) * mib);
  return { memoryBytes, requestBytes: memoryBytes / large, inFlight: requests };
}
