import { TranshipError, type Via } from '@tranship/contracts';
import type { Config } from '../config.ts';
import { firstChoice, secondChoice } from '../domain/method.ts';
import type { Ports, SourceRequest } from '../ports.ts';
import { nfcSource } from './nfc-source.ts';
import { vddkSource } from './vddk-source.ts';

/** Opens a disk by the method that is asked for, or by the one that works. */
export function anySource(config: Config): Ports['openSource'] {
  const methods = { vddk: vddkSource(config), nfc: nfcSource(config) };
  /** A library that has opened a disk is there: what it refuses later has another cause. */
  let libraryWorks = false;
  const open = async (via: Via, request: SourceRequest, signal: AbortSignal) => ({
    ...(await methods[via.method](request, signal)),
    via,
  });
  return async (request, signal) => {
    const first = firstChoice(request);
    try {
      const opened = await open(first, request, signal);
      libraryWorks ||= first.method === 'vddk';
      return opened;
    } catch (error) {
      const second = secondChoice(request, TranshipError.from(error), libraryWorks);
      if (!second) throw error;
      return open(second, request, signal);
    }
  };
}
