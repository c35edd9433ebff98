import {
  DiscardPolicy,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { buckets, root, streams, subjects } from '@tranship/contracts';
import { isStreamExists } from './errors.ts';

const definitions: (Partial<StreamConfig> & { name: string })[] = [
  {
    name: streams.events,
    subjects: [`${root}.evt.>`],
    retention: RetentionPolicy.Limits,
    allow_direct: true,
    duplicate_window: nanos(120_000),
  },
  {
    name: streams.commands,
    subjects: [`${root}.cmd.>`],
    retention: RetentionPolicy.Workqueue,
    allow_direct: true,
    duplicate_window: nanos(120_000),
  },
  {
    name: streams.progress,
    subjects: [subjects.allProgress],
    retention: RetentionPolicy.Limits,
    storage: StorageType.Memory,
    max_msgs_per_subject: 1,
    max_age: nanos(24 * 3_600_000),
    discard: DiscardPolicy.Old,
    allow_direct: true,
  },
  {
    name: streams.dead,
    subjects: [`${root}.dead.>`],
    retention: RetentionPolicy.Limits,
    max_age: nanos(90 * 24 * 3_600_000),
  },
  ...Object.values(buckets).map((bucket) => ({
    name: `KV_${bucket}`,
    subjects: [`$KV.${bucket}.>`],
    retention: RetentionPolicy.Limits,
    max_msgs_per_subject: 1,
    discard: DiscardPolicy.New,
    allow_rollup_hdrs: true,
    allow_direct: true,
  })),
];

/**
 * Makes the streams, or brings them up to date. Safe to call from every replica at once.
 * A stream that has more replicas than are asked for keeps them: someone gave it more on purpose.
 */
export async function ensureStreams(jsm: JetStreamManager, replicas: number): Promise<void> {
  for (const definition of definitions) {
    const config = { storage: StorageType.File, num_replicas: replicas, ...definition };
    try {
      await jsm.streams.add(config);
    } catch (error) {
      if (!isStreamExists(error)) throw error;
      const { config: present } = await jsm.streams.info(config.name);
      await jsm.streams.update(config.name, { ...config, num_replicas: Math.max(replicas, present.num_replicas) });
    }
  }
}
