import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs, { type Admin, type ConfigSource } from 'kafkajs';
import { SERVICES, TOPICS, topicsReadBy } from '@waybill/contracts';
import { rootOf } from './refusal.js';
import { deadLetterTopic, MAX_MESSAGE_BYTES, type TopicDeclaration } from '../port.js';

// Node finds not every name of this CommonJS module by itself.
const { ConfigResourceTypes } = kafkajs;

const MADE_WITHIN_MS = 15_000;
const DAY_MS = 86_400_000;
const RETENTION_MS = 7 * DAY_MS;
/** A message of 1 MiB with its headers and Kafka's own framing. */
const MAX_BATCH_BYTES = 2 * MAX_MESSAGE_BYTES;

/** The topics of a deployment, with the dead letters of each service that reads one. */
export const topicsOfDeployment = (): readonly TopicDeclaration[] => {
  const partitions = new Map(TOPICS.map((topic) => [topic.name, topic.partitions]));
  const deadLetters = SERVICES.flatMap((service) =>
    topicsReadBy(service).map((topic) => ({
      name: deadLetterTopic(topic, service),
      partitions: partitions.get(topic) ?? 1,
    })),
  );
  return [...TOPICS, ...deadLetters];
};

/** What Waybill relies on of a topic, as Kafka's own settings. */
export const settingsOf = ({ retentionMs = RETENTION_MS }: TopicDeclaration): Readonly<Record<string, string>> => ({
  'cleanup.policy': 'delete',
  'retention.ms': String(retentionMs),
  'max.message.bytes': String(MAX_BATCH_BYTES),
  // kafkajs reads nothing but gzip; so the broker unpacks what comes in snappy, lz4 or zstd, whoever wrote it.
  'compression.type': 'uncompressed',
});

export interface TopicReport {
  readonly name: string;
  /** `changed`: settings were brought to what is declared. `differs`: in what cannot, or was not to be changed. */
  readonly state: 'made' | 'fine' | 'changed' | 'missing' | 'differs';
  readonly wanted: number;
  /** Partitions as they are; undefined when the topic is missing. */
  readonly partitions: number | undefined;
  /** Settings that were, or are, not as declared. */
  readonly settings: readonly { readonly name: string; readonly is: string; readonly wanted: string }[];
}

/** What a broker answers of a topic that is not there, that the user may not see, or that nobody could make. */
const NOT_THERE = /^(UNKNOWN_TOPIC_OR_PARTITION|TOPIC_AUTHORIZATION_FAILED|INVALID_TOPIC_EXCEPTION)$/;
export const isNotThere = (error: unknown): boolean => NOT_THERE.test(rootOf(error).type ?? '');

/** Partitions of those of these topics that are there. Of no others, whose state is none of our business. */
export const partitionCounts = async (admin: Admin, names: readonly string[]): Promise<ReadonlyMap<string, number>> => {
  if (names.length === 0) return new Map();
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [...names] });
    return new Map(topics.map(({ name, partitions }) => [name, partitions.length]));
  } catch (error) {
    if (!isNotThere(error)) throw error;
    if (names.length === 1) return new Map();
    // One that is missing fails them all.
    const each: (readonly [string, number])[] = [];
    for (const name of names) each.push(...(await partitionCounts(admin, [name])));
    return new Map(each);
  }
};

/**
 * Partitions of those of these topics that are there, asked for until all are or the time is over: what the controller made
 * reaches the brokers a moment later.
 */
export const untilKnown = async (
  names: readonly string[],
  withinMs: number,
  count: () => Promise<ReadonlyMap<string, number>>,
): Promise<ReadonlyMap<string, number>> => {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const counts = await count();
    if (names.every((name) => counts.has(name)) || performance.now() > deadline) return counts;
    await sleep(100);
  }
};

/** Compares what is declared with what is there. Changes nothing. */
export const checkTopics = async (
  admin: Admin,
  declarations: readonly TopicDeclaration[],
): Promise<readonly TopicReport[]> => {
  const counts = await partitionCounts(
    admin,
    declarations.map(({ name }) => name),
  );
  const there = declarations.filter(({ name }) => counts.has(name));
  const settings = await dynamicSettings(
    admin,
    there.map(({ name }) => name),
  );
  return declarations.map((declaration) => {
    const { name, partitions: wanted } = declaration;
    const partitions = counts.get(name);
    if (partitions === undefined) return { name, state: 'missing', wanted, partitions, settings: [] };
    const differing = Object.entries(settingsOf(declaration))
      .map(([setting, value]) => ({ name: setting, is: settings.get(name)?.get(setting)?.value ?? '', wanted: value }))
      .filter((setting) => setting.is !== setting.wanted);
    const state = partitions === wanted && differing.length === 0 ? 'fine' : 'differs';
    return { name, state, wanted, partitions, settings: differing };
  });
};

/**
 * Makes what is missing and brings settings to what is declared. Never touches partitions: Kafka can only add some, and
 * then keys move to other partitions and lose their order; such a topic is reported as `differs`.
 */
export const applyTopics = async (
  admin: Admin,
  declarations: readonly TopicDeclaration[],
  replication?: number,
): Promise<readonly TopicReport[]> => {
  const before = await checkTopics(admin, declarations);
  const declared = new Map(declarations.map((declaration) => [declaration.name, declaration]));
  const missing = before.filter(({ state }) => state === 'missing').map(({ name }) => declared.get(name)!);
  if (missing.length > 0) {
    const names = missing.map(({ name }) => name);
    // False when another process was quicker.
    await admin.createTopics({
      waitForLeaders: false, // kafkajs asks a broker that may not have heard of them, and fails
      topics: missing.map((topic) => ({
        topic: topic.name,
        numPartitions: topic.partitions,
        ...(replication !== undefined && { replicationFactor: replication }),
        configEntries: Object.entries(settingsOf(topic)).map(([name, value]) => ({ name, value })),
      })),
    });
    const known = await untilKnown(names, MADE_WITHIN_MS, () =>
      partitionCounts(admin, names).catch(() => new Map<string, number>()),
    );
    const late = names.filter((name) => !known.has(name));
    if (late.length > 0) throw new Error(`the brokers do not know of ${late.join(', ')} yet`);
  }
  const changeable = before.filter(({ settings }) => settings.length > 0).map(({ name }) => declared.get(name)!);
  if (changeable.length > 0) await changeSettings(admin, changeable);
  return before.map((report) => {
    if (report.state === 'missing') return { ...report, state: 'made', partitions: report.wanted };
    if (report.partitions !== report.wanted) return report;
    return { ...report, state: report.settings.length > 0 ? 'changed' : 'fine' };
  });
};

/** Kafka replaces all settings of a topic at once, so those that somebody else made are sent along. */
const changeSettings = async (admin: Admin, topics: readonly TopicDeclaration[]): Promise<void> => {
  const current = await dynamicSettings(
    admin,
    topics.map(({ name }) => name),
  );
  await admin.alterConfigs({
    validateOnly: false,
    resources: topics.map((topic) => {
      const own = [...(current.get(topic.name) ?? [])].filter(
        ([, { source }]) => source === kafkajs.ConfigSource.TOPIC_CONFIG,
      );
      const entries = { ...Object.fromEntries(own.map(([name, { value }]) => [name, value])), ...settingsOf(topic) };
      return {
        type: ConfigResourceTypes.TOPIC,
        name: topic.name,
        configEntries: Object.entries(entries).map(([name, value]) => ({ name, value })),
      };
    }),
  });
};

type Settings = ReadonlyMap<string, { readonly value: string; readonly source: ConfigSource }>;

const dynamicSettings = async (admin: Admin, names: readonly string[]): Promise<ReadonlyMap<string, Settings>> => {
  if (names.length === 0) return new Map();
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: names.map((name) => ({ type: ConfigResourceTypes.TOPIC, name })),
  });
  return new Map(
    resources.map(({ resourceName, configEntries }) => [
      resourceName,
      new Map(
        configEntries.map(({ configName, configValue, configSource }) => [
          configName,
          { value: configValue, source: configSource },
        ]),
      ),
    ]),
  );
};
