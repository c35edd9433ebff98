import { TranshipError, type Via } from '@tranship/contracts';
import type { Clock } from '@tranship/service-kit';
import type { Config } from '../config.ts';
import { firstChoice, secondChoice } from '../domain/method.ts';
import type { OpenSource, Ports, SourceRequest } from '../ports.ts';
import { nfcSource } from './nfc-source.ts';
import { fileNow } from './vcenter.ts';
import { vddkSource } from './vddk-source.ts';

/** Opens a disk by the method that is asked for, or by the one that works. */
export function anySource(config: Config, clock: Clock): Ports['openSource'] {
  const methods = { vddk: found(config, vddkSource(config, clock)), nfc: nfcSource(config, clock) };
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

/** A Storage vMotion gives a disk another file: where the one that was named is not there, vCenter is asked, once. */
const found =
  (config: Config, open: OpenSource): OpenSource =>
  async (request, signal) => {
    try {
      return await open(request, signal);
    } catch (error) {
      if (TranshipError.from(error).code !== 'vsphere.not-found') throw error;
      const file = await fileNow(config, request);
      if (file === undefined || file === request.file) throw error;
      return { ...(await open({ ...request, file }, signal)), movedTo: file };
    }
  };
