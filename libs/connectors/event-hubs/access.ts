import type { Credentials } from '../port.js';
import type { Problem } from '../checklist.js';
import { parseConnectionString } from './connection-string.js';
import { noHubNamed } from './failure.js';

/** Where to send, and as whom: an account in the terms of this connector. */
export interface Access {
  readonly host: string;
  readonly port: number;
  /** Host, and port where it is stated: what tokens are signed for. */
  readonly authority: string;
  /** Without TLS: Azure's emulator. */
  readonly emulator: boolean;
  readonly keyName: string;
  readonly key: string;
  /** The hub of destinations that name none. */
  readonly hub: string | undefined;
  /** Whether the policy is of that one hub (`EntityPath`). */
  readonly onlyThatHub: boolean;
}

const AMQPS = 5671;
const AMQP = 5672;

/** A field of a form that may be left out; null and '' count as left out. */
const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

const placeOf = (host: string, port: number | undefined, emulator: boolean) => ({
  host,
  port: port ?? (emulator ? AMQP : AMQPS),
  authority: port === undefined ? host : `${host}:${port}`,
  emulator,
});

/** A bare name is one of Azure's. */
const hostOf = (namespace: string): readonly [string, number | undefined] => {
  const [name = '', port] = namespace.split(':');
  const host = name.includes('.') || port !== undefined ? name : `${name}.servicebus.windows.net`;
  return [host, port === undefined ? undefined : Number(port)];
};

/** The account behind credentials that its forms let through. */
export const accessOf = ({ method, authentication }: Credentials): Access => {
  if (method === 'connection-string') {
    const parsed = parseConnectionString(String(authentication['connectionString']));
    if ('problem' in parsed) throw new Error(`The connection string ${parsed.problem}.`);
    const { host, port, emulator, keyName, key, hub } = parsed;
    return { ...placeOf(host, port, emulator), keyName, key, hub, onlyThatHub: hub !== undefined };
  }
  return {
    ...placeOf(...hostOf(String(authentication['namespace'])), false),
    keyName: String(authentication['sasKeyName']),
    key: String(authentication['sasKey']),
    hub: text(authentication['eventHubName']),
    onlyThatHub: false,
  };
};

/** The hub that a target means, or why none can be meant. */
export const hubOf = ({ hub, onlyThatHub }: Access, target: Readonly<Record<string, unknown>>): string | Problem => {
  const named = text(target['eventHub']);
  if (named !== undefined && onlyThatHub && named !== hub) {
    return {
      code: 'permission-denied',
      message: `The account's connection string is of the hub ${hub} (EntityPath), and the destination names ${named}.`,
      remedy: `Name ${hub} in the destination, or none; or connect an account with a connection string of the namespace.`,
    };
  }
  return named ?? hub ?? noHubNamed;
};

export const uriOf = ({ authority }: Access, hub = ''): string => `sb://${authority}/${hub}`;
