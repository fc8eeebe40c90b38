import { readFileSync } from 'node:fs';

export interface SaslSettings {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

export interface KafkaSettings {
  /** `host:port` each. */
  readonly brokers: readonly string[];
  /** Copies of each partition of a topic that is made. */
  readonly replication: number;
  readonly sasl: SaslSettings | undefined;
  readonly tls: boolean;
  /** Of the authority that signed the brokers' certificates; unset: those that Node knows. */
  readonly caFile: string | undefined;
}

/** How the configuration is read: a value, one of some, and what is wrong with either. */
export interface SettingsReader {
  value(name: string): string | undefined;
  oneOf<T extends string>(name: string, known: readonly T[], otherwise: T): T;
  wrong(name: string, message: string): void;
}

export const KAFKA_SETTINGS = [
  'WAYBILL_KAFKA_BROKERS',
  'WAYBILL_KAFKA_REPLICATION',
  'WAYBILL_KAFKA_SASL_MECHANISM',
  'WAYBILL_KAFKA_SASL_USERNAME',
  'WAYBILL_KAFKA_SASL_PASSWORD',
  'WAYBILL_KAFKA_SASL_PASSWORD_FILE',
  'WAYBILL_KAFKA_TLS',
  'WAYBILL_KAFKA_CA_FILE',
] as const;

const MECHANISMS = ['none', 'plain', 'scram-sha-256', 'scram-sha-512'] as const;
const BROKER = /^([^\s:/[\]]+|\[[0-9a-f:]+\]):[0-9]{1,5}$/i;
/** What Kafka's own guide takes where there are that many brokers. */
const REPLICATION = 3;

export const readKafkaSettings = ({ value, oneOf, wrong }: SettingsReader): KafkaSettings => {
  const brokers = (value('WAYBILL_KAFKA_BROKERS') ?? '')
    .split(',')
    .map((broker) => broker.trim())
    .filter((broker) => broker !== '');
  for (const broker of brokers) {
    if (!BROKER.test(broker)) wrong('WAYBILL_KAFKA_BROKERS', `names "${broker}", and must be host:port,host:port`);
  }
  const replication = Number(value('WAYBILL_KAFKA_REPLICATION') ?? Math.max(1, Math.min(REPLICATION, brokers.length)));
  if (!Number.isInteger(replication) || replication < 1) {
    wrong('WAYBILL_KAFKA_REPLICATION', 'must be a whole number of at least 1');
  }
  const caFile = value('WAYBILL_KAFKA_CA_FILE');
  const fault = caFile === undefined ? undefined : faultOf(caFile);
  if (fault) wrong('WAYBILL_KAFKA_CA_FILE', fault);
  return {
    brokers,
    replication,
    sasl: readSasl({ value, oneOf, wrong }),
    tls: oneOf('WAYBILL_KAFKA_TLS', ['true', 'false'], caFile === undefined ? 'false' : 'true') === 'true',
    caFile,
  };
};

const PASSWORD = 'WAYBILL_KAFKA_SASL_PASSWORD';
const PASSWORD_FILE = 'WAYBILL_KAFKA_SASL_PASSWORD_FILE';

const readSasl = ({ value, oneOf, wrong }: SettingsReader): SaslSettings | undefined => {
  const mechanism = oneOf('WAYBILL_KAFKA_SASL_MECHANISM', MECHANISMS, 'none');
  if (mechanism === 'none') return undefined;
  const needed = (name: string): string => {
    const given = value(name);
    if (given === undefined) wrong(name, `is needed with WAYBILL_KAFKA_SASL_MECHANISM=${mechanism}`);
    return given ?? '';
  };
  const passwordIn = (file: string): string => {
    if (value(PASSWORD) !== undefined) wrong(PASSWORD, `give either ${PASSWORD} or ${PASSWORD_FILE}, not both`);
    const fault = faultOf(file);
    if (fault === undefined) return readFileSync(file, 'utf8').trimEnd();
    wrong(PASSWORD_FILE, fault);
    return '';
  };
  const file = value(PASSWORD_FILE);
  return {
    mechanism,
    username: needed('WAYBILL_KAFKA_SASL_USERNAME'),
    password: file === undefined ? needed(PASSWORD) : passwordIn(file),
  };
};

const faultOf = (file: string): string | undefined => {
  try {
    readFileSync(file);
    return undefined;
  } catch (error) {
    return `names ${file}, which cannot be read (${(error as NodeJS.ErrnoException).code})`;
  }
};
