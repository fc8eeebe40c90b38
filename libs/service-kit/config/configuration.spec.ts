import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfiguration } from './configuration.js';

const mistakesOf = (env: Record<string, string>): string => {
  try {
    readConfiguration(env);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

describe.each([
  ['changes are', 'WAYBILL_CHANGES_KEPT_DAYS', 'changesKeptDays', 7],
  ['dead letters of streams are', 'WAYBILL_DEAD_LETTERS_KEPT_DAYS', 'deadLettersKeptDays', 30],
] as const)('how long %s kept', (_, name, setting, otherwise) => {
  it(`is ${otherwise} days, or what is said, in whole days`, () => {
    expect(readConfiguration({})[setting]).toBe(otherwise);
    expect(readConfiguration({ [name]: '14' })[setting]).toBe(14);
    for (const days of ['0', '366', '1.5', 'week']) {
      expect(mistakesOf({ [name]: days })).toContain(`${name} must be a whole number`);
    }
  });
});

describe('the backbone', () => {
  it('is PostgreSQL for everything unless something else is named', () => {
    const { databaseUrl, eventStore, messaging } = readConfiguration({});
    expect({ databaseUrl, eventStore, messaging }).toEqual({
      databaseUrl: undefined,
      eventStore: { engine: 'postgres' },
      messaging: { engine: 'postgres' },
    });
  });

  it.each(['esdb://user:secret@db:2113?tls=true', 'esdb+discover://one:2113,two:2113,three:2113'])(
    'records in EventStoreDB where its address is known: %s',
    (url) => {
      const { eventStore, messaging } = readConfiguration({ WAYBILL_EVENTSTOREDB_URL: url });
      expect(eventStore).toEqual({ engine: 'eventstoredb', url });
      expect(messaging.engine).toBe('postgres');
    },
  );

  it('speaks over Kafka where brokers are known, with as many copies as there are brokers and three at most', () => {
    const kafkaOf = (env: Record<string, string>) => {
      const { messaging } = readConfiguration(env);
      return messaging.engine === 'kafka' ? messaging.kafka : undefined;
    };
    expect(kafkaOf({ WAYBILL_KAFKA_BROKERS: 'one:9092' })).toEqual({
      brokers: ['one:9092'],
      replication: 1,
      sasl: undefined,
      tls: false,
      caFile: undefined,
    });
    const four = { WAYBILL_KAFKA_BROKERS: 'one:9092, two:9092,three:9092,[::1]:9092' };
    expect(kafkaOf(four)).toMatchObject({
      brokers: ['one:9092', 'two:9092', 'three:9092', '[::1]:9092'],
      replication: 3,
    });
    expect(kafkaOf({ ...four, WAYBILL_KAFKA_REPLICATION: '2' })).toMatchObject({ replication: 2 });
  });

  it('stays PostgreSQL where that is said, whatever addresses are known', () => {
    const { eventStore, messaging } = readConfiguration({
      WAYBILL_EVENTSTOREDB_URL: 'esdb://db:2113',
      WAYBILL_EVENT_STORE: 'postgres',
      WAYBILL_KAFKA_BROKERS: 'one:9092',
      WAYBILL_MESSAGING: 'postgres',
    });
    expect([eventStore.engine, messaging.engine]).toEqual(['postgres', 'postgres']);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['no address', { WAYBILL_EVENT_STORE: 'eventstoredb' }, /WAYBILL_EVENTSTOREDB_URL is needed/],
    ['no brokers', { WAYBILL_MESSAGING: 'kafka' }, /WAYBILL_KAFKA_BROKERS is needed/],
    ['another kind of address', { WAYBILL_EVENTSTOREDB_URL: 'http://db:2113' }, /must start with esdb:/],
    ['a broker without a port', { WAYBILL_KAFKA_BROKERS: 'one' }, /WAYBILL_KAFKA_BROKERS names "one"/],
    ['half a copy', { WAYBILL_KAFKA_REPLICATION: '0.5' }, /WAYBILL_KAFKA_REPLICATION must be a whole number/],
    ['a CA that is not there', { WAYBILL_KAFKA_CA_FILE: '/no/such/file' }, /cannot be read \(ENOENT\)/],
    ['a made-up mechanism', { WAYBILL_KAFKA_SASL_MECHANISM: 'gssapi' }, /must be one of none, plain, scram-sha-256/],
  ])('is told apart from a mistake: %s', (_, env, message) => {
    expect(mistakesOf(env)).toMatch(message);
  });

  it('names a user and a password that are missing, both at once', () => {
    const mistakes = mistakesOf({ WAYBILL_KAFKA_BROKERS: 'one:9092', WAYBILL_KAFKA_SASL_MECHANISM: 'scram-sha-512' });
    expect(mistakes).toMatch(/_USERNAME is needed[^]*_PASSWORD is needed/);
  });

  it('takes the password of Kafka from a file, too, without the end of its line', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'waybill-')), 'password');
    writeFileSync(file, 'from a file\n');
    const sasl = {
      WAYBILL_KAFKA_BROKERS: 'one:9092',
      WAYBILL_KAFKA_SASL_MECHANISM: 'plain',
      WAYBILL_KAFKA_SASL_USERNAME: 'waybill',
      WAYBILL_KAFKA_SASL_PASSWORD_FILE: file,
    };
    const { messaging } = readConfiguration(sasl);
    expect(messaging).toMatchObject({ kafka: { sasl: { username: 'waybill', password: 'from a file' } } });
    expect(mistakesOf({ ...sasl, WAYBILL_KAFKA_SASL_PASSWORD: 'another' })).toMatch(/not both/);
  });

  it('keeps passwords out of what it says is wrong', () => {
    expect(mistakesOf({ WAYBILL_EVENTSTOREDB_URL: 'http://user:hidden@db' })).not.toContain('hidden');
  });
});
