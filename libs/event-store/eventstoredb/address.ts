import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf, WaybillError } from '@waybill/kernel';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** What a connection string says. */
export interface Address {
  /** A name under which nodes are found, or the nodes of a cluster, or the one node there is. */
  readonly nodes:
    { readonly discover: Endpoint } | { readonly endpoints: Endpoint[] } | { readonly endpoint: Endpoint };
  readonly credentials?: { readonly username: string; readonly password: string };
  readonly tls: boolean;
  /** PEM. */
  readonly rootCertificate?: Buffer;
  readonly settings: Readonly<Partial<Record<NumberSetting, number>> & { connectionName?: string }>;
}

/** Of the client; in ms, but for `gossipTimeout`, which is in seconds. */
const NUMBER_SETTINGS = [
  'keepAliveInterval',
  'keepAliveTimeout',
  'maxDiscoverAttempts',
  'discoveryInterval',
  'gossipTimeout',
] as const;
type NumberSetting = (typeof NUMBER_SETTINGS)[number];

/** What the client knows too, and why it is not to be had here. */
const REFUSED: Readonly<Record<string, string>> = {
  tlsverifycert: 'it has no effect in this client: name the authority in tlsCAFile instead',
  nodepreference: 'only the leader knows what was written last, and only it is asked',
  throwonappendfailure: 'a failed append is always an error',
  defaultdeadline: 'deadlines are kept by Waybill',
};

const FORM = /^(esdb|esdb\+discover):\/\/(?:([^@/?]*)@)?([^@/?]+)\/?(?:\?(.*))?$/i;
const DEFAULT_PORT = 2113;

/**
 * Reads `esdb://user:password@host:2113?tls=true&tlsCAFile=/path`, several hosts set apart by commas, or
 * `esdb+discover://name:2113`. The client's own reader cuts a password at a colon, prints the whole text with its
 * secret when it does not know an option, and lets options pass that do nothing; this one refuses, and never shows
 * the text. Throws `event-store-address-malformed` (kind malformed).
 */
export const readAddress = (text: string): Address => {
  const [, scheme = '', userInfo, hosts = '', query = ''] = FORM.exec(text.trim()) ?? [];
  if (scheme === '') {
    throw malformed(
      'It begins with esdb:// or esdb+discover://, then user:password@ if there is a user (with @, :, / and ? in them percent-encoded), then the host.',
    );
  }
  if (query.includes('@')) {
    throw malformed(
      'An @ stands behind the ?: percent-encode a ? that belongs to the password (%3F), or an @ that belongs to an option (%40).',
    );
  }
  const endpoints = hosts.split(',').map(endpointOf);
  const [endpoint] = endpoints as [Endpoint];
  const discovered = scheme.toLowerCase() === 'esdb+discover';
  if (discovered && endpoints.length > 1) throw malformed('With esdb+discover:// it names one host.');
  const { tls, ...rest } = optionsOf(query);
  const credentials = userInfo === undefined ? undefined : credentialsOf(userInfo);
  if (credentials && !tls) throw malformed('A user and password are sent over TLS only; leave out tls=false.');
  return {
    nodes: discovered ? { discover: endpoint } : endpoints.length > 1 ? { endpoints } : { endpoint },
    ...(credentials && { credentials }),
    tls,
    ...rest,
  };
};

const malformed = (detail: string): WaybillError =>
  new WaybillError(
    'event-store-address-malformed',
    'malformed',
    `The address of EventStoreDB is not understood. ${detail}`,
  );

const endpointOf = (text: string): Endpoint => {
  const [, address = '', port = DEFAULT_PORT] = /^([^:\s]+|\[[^\]]+\])(?::(\d{1,5}))?$/.exec(text.trim()) ?? [];
  if (address === '' || Number(port) > 65_535 || Number(port) < 1) throw malformed('A host is name or name:port.');
  return { address, port: Number(port) };
};

const credentialsOf = (userInfo: string) => {
  const [username = '', password, ...more] = userInfo.split(':');
  if (username === '' || password === undefined || more.length > 0) {
    throw malformed('Before the @ stands user:password; percent-encode a colon that belongs to the password (%3A).');
  }
  try {
    return { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  } catch {
    throw malformed('Percent-encode a % that belongs to the user or password (%25).');
  }
};

const optionsOf = (query: string): Pick<Address, 'tls' | 'rootCertificate' | 'settings'> => {
  const settings: Partial<Record<NumberSetting, number>> & { connectionName?: string } = {};
  let tls = true;
  let authority: string | undefined;
  for (const [name, value] of new URLSearchParams(query.replaceAll('+', '%2B'))) {
    const key = name.toLowerCase();
    const number = NUMBER_SETTINGS.find((setting) => setting.toLowerCase() === key);
    if (number) {
      if (!/^\d{1,9}$/.test(value)) throw malformed(`The option ${number} takes a whole number.`);
      settings[number] = Number(value);
    } else if (key === 'tls') {
      if (value !== 'true' && value !== 'false') throw malformed('The option tls takes true or false.');
      tls = value === 'true';
    } else if (key === 'tlscafile') {
      authority = value;
    } else if (key === 'connectionname') {
      if (!ASCII.test(value)) throw malformed('The option connectionName takes printable characters of ASCII.');
      settings.connectionName = value;
    } else {
      throw malformed(`The option ${name} is not taken: ${REFUSED[key] ?? 'nobody knows it'}.`);
    }
  }
  if (authority !== undefined && !tls) throw malformed('The option tlsCAFile is of no use with tls=false.');
  return { tls, settings, ...(authority !== undefined && { rootCertificate: readCertificate(authority) }) };
};

/** It goes with every call, as metadata of gRPC. */
const ASCII = /^[ -~]+$/;

const readCertificate = (file: string): Buffer => {
  let content: Buffer;
  try {
    content = readFileSync(resolve(file));
  } catch (error) {
    throw malformed(`The file of tlsCAFile cannot be read (${messageOf(error)}).`);
  }
  // TLS would take anything for it, and trust nobody then.
  if (!isCertificate(content)) throw malformed('The file of tlsCAFile holds no certificate in PEM.');
  return content;
};

const isCertificate = (content: Buffer): boolean => {
  try {
    return content.includes('-----BEGIN') && new X509Certificate(content) !== undefined;
  } catch {
    return false;
  }
};
