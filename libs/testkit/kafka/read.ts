import { Kafka, logLevel } from 'kafkajs';

/** Every record that Kafka holds, of every topic but its own: key, headers and value as text, by topic. */
export const readKafka = async (brokers: readonly string[]): Promise<Readonly<Record<string, string>>> => {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const consumer = kafka.consumer({ groupId: `reader-${process.pid}-${Date.now()}` });
  const texts: Record<string, string> = {};
  await Promise.all([admin.connect(), consumer.connect()]);
  try {
    const unread = new Map<string, number>();
    for (const topic of (await admin.listTopics()).filter((name) => !name.startsWith('__'))) {
      texts[topic] = '';
      for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
        if (Number(high) > Number(low)) unread.set(`${topic}/${partition}`, Number(high));
      }
    }
    if (unread.size === 0) return texts;
    const done = Promise.withResolvers<void>();
    await consumer.subscribe({ topics: Object.keys(texts), fromBeginning: true });
    await consumer.run({
      eachMessage: ({ topic, partition, message: { key, value, headers, offset } }) => {
        const named = Object.entries(headers ?? {}).map(([name, header]) => `${name}: ${String(header)}`);
        texts[topic] += [key?.toString('utf8'), ...named, value?.toString('utf8'), ''].join('\n');
        const place = `${topic}/${partition}`;
        if (Number(offset) + 1 >= (unread.get(place) ?? 0)) unread.delete(place);
        if (unread.size === 0) done.resolve();
        return Promise.resolve();
      },
    });
    await done.promise;
    return texts;
  } finally {
    await Promise.all([consumer.disconnect(), admin.disconnect()]);
  }
};
