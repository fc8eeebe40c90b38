import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type FieldError, WaybillError } from '@waybill/kernel';
import { KAFKA_SETTINGS, type KafkaSettings, readKafkaSettings } from './kafka-settings.js';

export interface JwtSettings {
  readonly jwksUrl: string | undefined;
  readonly jwksFile: string | undefined;
  readonly issuer: string;
  readonly audience: string;
}

/** The whole configuration of a process (twelve-factor: environment only). The names stand in docs/operations.md. */
export interface Configuration {
  readonly host: string;
  readonly port: number;
  /** Folder of the embedded backbone. */
  readonly dataFolder: string;
  /** Unset: the embedded PostgreSQL. */
  readonly databaseUrl: string | undefined;
  /** Where events are recorded. */
  readonly eventStore: { readonly engine: 'postgres' } | { readonly engine: 'eventstoredb'; readonly url: string };
  /** What services speak over. */
  readonly messaging: { readonly engine: 'postgres' } | { readonly engine: 'kafka'; readonly kafka: KafkaSettings };
  readonly auth: { readonly mode: 'none' } | { readonly mode: 'jwt'; readonly jwt: JwtSettings };
  readonly allowPrivateNetworks: boolean;
  readonly masterKey: string | undefined;
  readonly masterKeyFile: string | undefined;
  readonly logLevel: string;
  /** For how many days changes of profiles wait for streams that are disabled, or whose partner is away. */
  readonly changesKeptDays: number;
  /** For how many days it is known what could not be delivered to a stream. */
  readonly deadLettersKeptDays: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** One host, or several of a cluster, which no URL can have. */
const EVENTSTOREDB_URL = /^esdb(\+discover)?:\/\/[^\s/]+/;

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host === '[::1]' || (isIP(host) === 4 && host.startsWith('127.'));

/** What is wrong with a file of keys; undefined when nothing is. */
const faultOfKeySet = (file: string): string | undefined => {
  try {
    const { keys } = JSON.parse(readFileSync(file, 'utf8')) as { keys?: unknown };
    return Array.isArray(keys) && keys.length > 0 ? undefined : `names ${file}, which holds no "keys"`;
  } catch (error) {
    const { code = 'it is no JSON' } = error as NodeJS.ErrnoException;
    return `names ${file}, which cannot be read (${code})`;
  }
};

/** Reads and checks everything at once: one error names every mistake (slug `configuration-invalid`). */
export const readConfiguration = (env: Environment): Configuration => {
  const mistakes: FieldError[] = [];
  const wrong = (path: string, message: string) => void mistakes.push({ path, message });
  const value = (name: string) => (env[name] === '' ? undefined : env[name]);

  const oneOf = <T extends string>(name: string, known: readonly T[], otherwise: T): T => {
    const given = value(name);
    if (given === undefined) return otherwise;
    if ((known as readonly string[]).includes(given)) return given as T;
    wrong(name, `is "${given}" and must be one of ${known.join(', ')}`);
    return otherwise;
  };
  const url = (name: string, protocols: readonly string[]): string | undefined => {
    const given = value(name);
    if (given === undefined) return undefined;
    const protocol = URL.parse(given)?.protocol.slice(0, -1);
    if (protocol === undefined || !protocols.includes(protocol)) {
      wrong(name, `must be a URL that starts with ${protocols.map((p) => `${p}://`).join(' or ')}`);
    }
    return given;
  };

  const host = value('WAYBILL_HOST') ?? '127.0.0.1';
  const port = Number(value('WAYBILL_PORT') ?? 8080);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    wrong('WAYBILL_PORT', 'must be a port from 0 to 65535 (0 takes a free one)');
  }

  const days = (name: string, otherwise: number): number => {
    const given = Number(value(name) ?? otherwise);
    if (!Number.isInteger(given) || given < 1 || given > 365) {
      wrong(name, 'must be a whole number of days from 1 to 365');
    }
    return given;
  };
  const changesKeptDays = days('WAYBILL_CHANGES_KEPT_DAYS', 7);
  const deadLettersKeptDays = days('WAYBILL_DEAD_LETTERS_KEPT_DAYS', 30);

  const mode = oneOf('WAYBILL_AUTH', ['none', 'jwt'], 'none');
  if (mode === 'none' && !isLoopback(host)) {
    wrong(
      'WAYBILL_AUTH',
      `must be "jwt" when WAYBILL_HOST is "${host}": without authentication Waybill listens on a loopback address only`,
    );
  }
  const jwt: JwtSettings = {
    jwksUrl: url('WAYBILL_JWKS_URL', ['http', 'https']),
    jwksFile: value('WAYBILL_JWKS_FILE'),
    issuer: value('WAYBILL_JWT_ISSUER') ?? '',
    audience: value('WAYBILL_JWT_AUDIENCE') ?? '',
  };
  if (mode === 'jwt') {
    if ((jwt.jwksUrl === undefined) === (jwt.jwksFile === undefined)) {
      wrong(
        'WAYBILL_JWKS_URL',
        'exactly one of WAYBILL_JWKS_URL and WAYBILL_JWKS_FILE is needed with WAYBILL_AUTH=jwt',
      );
    }
    const fault = jwt.jwksFile === undefined ? undefined : faultOfKeySet(jwt.jwksFile);
    if (fault) wrong('WAYBILL_JWKS_FILE', fault);
    if (jwt.issuer === '') wrong('WAYBILL_JWT_ISSUER', 'is needed with WAYBILL_AUTH=jwt');
    if (jwt.audience === '') wrong('WAYBILL_JWT_AUDIENCE', 'is needed with WAYBILL_AUTH=jwt');
  }

  const allow = oneOf('WAYBILL_ALLOW_PRIVATE_NETWORKS', ['true', 'false'], mode === 'none' ? 'true' : 'false');
  const databaseUrl = url('DATABASE_URL', ['postgres', 'postgresql']);

  const eventStoreUrl = value('WAYBILL_EVENTSTOREDB_URL');
  if (eventStoreUrl !== undefined && !EVENTSTOREDB_URL.test(eventStoreUrl)) {
    wrong('WAYBILL_EVENTSTOREDB_URL', 'must start with esdb:// or esdb+discover:// and name a host');
  }
  const eventStore = oneOf(
    'WAYBILL_EVENT_STORE',
    ['postgres', 'eventstoredb'],
    eventStoreUrl === undefined ? 'postgres' : 'eventstoredb',
  );
  if (eventStore === 'eventstoredb' && eventStoreUrl === undefined) {
    wrong('WAYBILL_EVENTSTOREDB_URL', 'is needed with WAYBILL_EVENT_STORE=eventstoredb');
  }
  const kafka = readKafkaSettings({ value, oneOf, wrong });
  const hasBrokers = kafka.brokers.length > 0;
  const messaging = oneOf('WAYBILL_MESSAGING', ['postgres', 'kafka'], hasBrokers ? 'kafka' : 'postgres');
  if (messaging === 'kafka' && !hasBrokers) {
    wrong('WAYBILL_KAFKA_BROKERS', 'is needed with WAYBILL_MESSAGING=kafka');
  }

  const logLevel = oneOf('WAYBILL_LOG_LEVEL', LOG_LEVELS, 'info');
  if (value('WAYBILL_MASTER_KEY') !== undefined && value('WAYBILL_MASTER_KEY_FILE') !== undefined) {
    wrong('WAYBILL_MASTER_KEY', 'give either WAYBILL_MASTER_KEY or WAYBILL_MASTER_KEY_FILE, not both');
  }
  for (const name of Object.keys(env)) {
    if (name.startsWith('WAYBILL_') && !name.startsWith('WAYBILL_TEST_') && !KNOWN.has(name)) {
      wrong(name, `is not a setting of Waybill; known are ${[...KNOWN].join(', ')}`);
    }
  }

  if (mistakes.length > 0) {
    const list = mistakes.map(({ path, message }) => `  ${path} ${message}`).join('\n');
    throw new WaybillError('configuration-invalid', 'malformed', `The configuration is wrong:\n${list}`, {
      fields: mistakes,
    });
  }
  return {
    host,
    port,
    dataFolder: value('WAYBILL_DATA') ?? join(homedir(), '.waybill'),
    databaseUrl,
    eventStore:
      eventStore === 'eventstoredb' ? { engine: eventStore, url: eventStoreUrl ?? '' } : { engine: eventStore },
    messaging: messaging === 'kafka' ? { engine: messaging, kafka } : { engine: messaging },
    auth: mode === 'none' ? { mode } : { mode, jwt },
    allowPrivateNetworks: allow === 'true',
    masterKey: value('WAYBILL_MASTER_KEY'),
    masterKeyFile: value('WAYBILL_MASTER_KEY_FILE'),
    logLevel,
    changesKeptDays,
    deadLettersKeptDays,
  };
};

const KNOWN: ReadonlySet<string> = new Set([
  'WAYBILL_HOST',
  'WAYBILL_PORT',
  'WAYBILL_DATA',
  'WAYBILL_EVENT_STORE',
  'WAYBILL_EVENTSTOREDB_URL',
  'WAYBILL_MESSAGING',
  ...KAFKA_SETTINGS,
  'WAYBILL_AUTH',
  'WAYBILL_JWKS_URL',
  'WAYBILL_JWKS_FILE',
  'WAYBILL_JWT_ISSUER',
  'WAYBILL_JWT_AUDIENCE',
  'WAYBILL_ALLOW_PRIVATE_NETWORKS',
  'WAYBILL_MASTER_KEY',
  'WAYBILL_MASTER_KEY_FILE',
  'WAYBILL_LOG_LEVEL',
  'WAYBILL_CHANGES_KEPT_DAYS',
  'WAYBILL_DEAD_LETTERS_KEPT_DAYS',
]);
