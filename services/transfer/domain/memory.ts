const mib = 1024 * 1024;
const all = 32 * mib;
const least = 8 * mib;

/** What one of a VM's disks may hold in flight: VMware's library answers 16 requests at once, of 2 MiB at most. */
export function memoryFor(disks: number): { memoryBytes: number; requestBytes: number; inFlight: number } {
  const memoryBytes = Math.max(least, Math.floor(all / Math.max(1, disks) / mib) * mib);
  return { memoryBytes, requestBytes: Math.min(2 * mib, memoryBytes / 8), inFlight: 16 };
}
