import type { WaybillError } from '@waybill/kernel';
import type { Kafka, Message as OutgoingRecord, Producer, ProducerBatch } from 'kafkajs';
import { messagingUnavailable } from '../errors.js';
import { connectKafka, type KafkaConnection, MANY_RETRIES } from './connection.js';
import { withinDeadline } from './deadline.js';
import { createLeaders, LeaderMoved, type Leaders, type LedRecord } from './leaders.js';
import { refusalOf, rootOf } from './refusal.js';

export interface AddressedRecord {
  readonly topic: string;
  readonly partition: number;
  /** Of key, value and headers. */
  readonly bytes: number;
  readonly record: OutgoingRecord;
}

/** Writes records, in order per partition. */
export interface Sender {
  /**
   * Resolves when all are on every replica that is in sync. Rejects with `messaging-unavailable`: the outcome is unknown; or
   * with what Kafka refuses, of which no other's records take harm but that they may be written twice.
   */
  send(records: readonly AddressedRecord[]): Promise<void>;
  close(): Promise<void>;
}

/** A record batch for one partition, and a whole request, at most; a single record may be larger than the first. */
const PARTITION_BYTES = 512 * 1024;
const REQUEST_BYTES = 8 * 1024 * 1024;
const LEAVE_MS = 5_000;
/** Rounds in which records are sent again whose leader moved, or whose partition an answer left out. */
const ROUNDS = 50;

interface Ticket {
  left: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Waiting extends AddressedRecord {
  readonly ticket: Ticket;
}

/**
 * One batch is on its way at a time, with all its retries, so that a partition has one in flight: kafkajs takes the sequence
 * numbers of a failed one back, and another one under the same numbers would be taken for its repetition and lost. What is
 * sent meanwhile is gathered and goes with the next batch.
 */
export const openSender = async (connection: KafkaConnection, deadlineMs: number): Promise<Sender> => {
  const kafka = connectKafka(connection, MANY_RETRIES);
  const leaders = createLeaders();
  let connecting: Promise<Producer> | undefined = connectProducer(kafka, leaders);
  let waiting: Waiting[] = [];
  let running: Promise<void> | undefined;
  let writing = Promise.resolve();
  let closed = false;

  /** A producer that failed is never used again: under its sequence numbers may stand what was written after all. */
  const retire = async (): Promise<void> => {
    const producer = connecting;
    connecting = undefined;
    const leave = async (): Promise<void> => (await producer)?.disconnect();
    // Also when kafkajs has given up its own retries: it connects again for them.
    const late = writing.then(leave, leave).catch(() => undefined);
    await leave().catch(() => undefined);
    await late;
  };

  try {
    await withinDeadline(connecting, deadlineMs);
  } catch (error) {
    void retire();
    throw error;
  }

  const reject = (records: readonly Waiting[], error: unknown): void =>
    records.forEach(({ ticket }) => ticket.reject(error));

  /** False: the cluster did not answer, and whatever waits is rejected. */
  const settle = async (batch: readonly Waiting[]): Promise<boolean> => {
    try {
      connecting ??= connectProducer(kafka, leaders);
      writing = connecting.then((producer) => write(producer, batch));
      await withinDeadline(writing, deadlineMs);
      batch.forEach(({ ticket }) => (ticket.left -= 1) === 0 && ticket.resolve());
      return true;
    } catch (error) {
      void retire();
      const refusal = refusalOf(error);
      if (refusal === undefined) {
        // Those behind it go, too: what is published again must not come after what followed it.
        reject([...batch, ...waiting], messagingUnavailable(error));
        waiting = [];
        return false;
      }
      const parts = partsOf(batch, refusal);
      if (parts.length === 1) reject(batch, refusal);
      else {
        for (const part of parts) {
          if (await settle(part)) continue;
          reject(batch, messagingUnavailable(error));
          return false;
        }
      }
      return true;
    }
  };

  const run = async (): Promise<void> => {
    while (waiting.length > 0) await settle(takeBatch());
    running = undefined;
  };

  /** As many as fit, without overtaking: a record that does not fit ends the batch. */
  const takeBatch = (): readonly Waiting[] => {
    const ofPartition = new Map<string, number>();
    let total = 0;
    let count = 0;
    for (const { topic, partition, bytes } of waiting) {
      const name = `${topic}/${partition}`;
      const size = (ofPartition.get(name) ?? 0) + bytes;
      total += bytes;
      if (count > 0 && ((size > PARTITION_BYTES && size > bytes) || total > REQUEST_BYTES)) break;
      ofPartition.set(name, size);
      count += 1;
    }
    const batch = waiting.slice(0, count);
    waiting = waiting.slice(count);
    return batch;
  };

  /**
   * A request of kafkajs for each broker. One for several would be lost or written twice when one of them is gone: its retry
   * leaves out the partitions that moved to a broker that has answered (its issue 1303), and asks a broker that has not yet
   * answered a second time, under new sequence numbers.
   */
  const write = async (to: Producer, batch: readonly Waiting[]): Promise<void> => {
    let missing = batch;
    for (let round = 1; missing.length > 0; round++) {
      if (round > ROUNDS) throw new Error(`${missing.length} messages were not written`);
      const ofLeaders = Map.groupBy(missing, ({ topic, partition }) => leaders.of(topic, partition));
      const written = new Set<string>();
      const sending = [...ofLeaders].map(async ([leader, records]) => {
        for (const { topicName, partition, errorCode } of await to.sendBatch(requestTo(leader, records))) {
          if (errorCode === 0) written.add(`${topicName}/${partition}`);
        }
      });
      for (const sent of await Promise.allSettled(sending)) {
        if (sent.status === 'rejected' && !(rootOf(sent.reason) instanceof LeaderMoved)) throw sent.reason;
      }
      missing = missing.filter(({ topic, partition }) => !written.has(`${topic}/${partition}`));
    }
  };

  return {
    send(records) {
      if (records.length === 0) return Promise.resolve();
      if (closed) return Promise.reject(messagingUnavailable(new Error('this process has left the message bus')));
      return new Promise((resolve, reject) => {
        const ticket: Ticket = { left: records.length, resolve, reject };
        for (const record of records) waiting.push({ ...record, ticket });
        running ??= run();
      });
    },

    async close() {
      closed = true;
      await running;
      await withinDeadline(retire(), LEAVE_MS).catch(() => undefined);
    },
  };
};

/** What may be fine without the rest: what of a request was refused, kafkajs does not tell. */
const partsOf = (batch: readonly Waiting[], { kind }: WaybillError): readonly (readonly Waiting[])[] => {
  const ofTopics = [...Map.groupBy(batch, ({ topic }) => topic).values()];
  return ofTopics.length === 1 && kind === 'too-large' ? batch.map((record) => [record]) : ofTopics;
};

const requestTo = (leader: number | undefined, records: readonly AddressedRecord[]): ProducerBatch => ({
  acks: -1,
  topicMessages: [...Map.groupBy(records, ({ topic }) => topic)].map(([topic, ofTopic]) => ({
    topic,
    messages: ofTopic.map(({ record, partition }): LedRecord => ({ ...record, partition, leader })),
  })),
});

/** Idempotent where the broker allows it; else a retry may write twice, which readers bear. */
const connectProducer = async (kafka: Kafka, leaders: Leaders): Promise<Producer> => {
  try {
    return await connectAs(kafka, leaders, true);
  } catch (error) {
    if (rootOf(error).type !== 'CLUSTER_AUTHORIZATION_FAILED') throw error;
    return connectAs(kafka, leaders, false);
  }
};

const connectAs = async (kafka: Kafka, { createPartitioner }: Leaders, idempotent: boolean): Promise<Producer> => {
  const producer = kafka.producer({
    idempotent,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner,
  });
  try {
    await producer.connect();
  } catch (error) {
    // It may be connected all the same, and only have got no id to write under.
    await producer.disconnect().catch(() => undefined);
    throw error;
  }
  return producer;
};
