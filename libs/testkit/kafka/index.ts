import { type Availability, available } from '../availability/index.js';
import { type KafkaCounterpart, startKafka } from './cluster.js';
import { hasDockerEngine, startKafkaInDocker } from './docker.js';
import { findJars, prepareJars } from './jars.js';

export * from './cluster.js';
export { emptyKafka } from './empty.js';
export { fetchJars, findJars } from './jars.js';
export { readKafka } from './read.js';
export { type KafkaNode, PLAIN_USER, RESTRICTED_USER, SCRAM_USER } from './node.js';

/** That of `WAYBILL_TEST_KAFKA_BROKERS` (`host:port,host:port`), else one in a container, else a process of our own. */
export const findKafka = (): Availability<() => Promise<KafkaCounterpart>> => {
  const given = process.env['WAYBILL_TEST_KAFKA_BROKERS'];
  if (given) return available(() => Promise.resolve({ brokers: given.split(','), stop: () => Promise.resolve() }));
  if (hasDockerEngine()) return available(startKafkaInDocker);
  const jars = findJars();
  return jars.available ? available(() => startKafka(jars.value)) : jars;
};

export const prepare = (): Availability<unknown> => {
  if (process.env['WAYBILL_TEST_KAFKA_BROKERS'] || hasDockerEngine()) return findKafka();
  return prepareJars();
};
