const mib = 1024 * 1024;
const all = 16 * mib;
const least = 4 * mib;
const requests = 16;

/** What one of a VM's disks may hold in flight: VMware's library answers so many requests at once. */
export function memoryFor(disks: number): { memoryBytes: number; requestBytes: number; inFlight: number } {
  const memoryBytes = Math.max(least, Math.floor(all / Math.max(1, disks) / mib) * mib);
  return { memoryBytes, requestBytes: memoryBytes / requests, inFlight: requests };
}
