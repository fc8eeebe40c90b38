import { type LookupAddress, promises as dns } from 'node:dns';
import { connect, type LookupFunction, type Socket } from 'node:net';
import ipaddr from 'ipaddr.js';

export interface NetworkPolicy {
  /** Whether a partner may stand at a loopback, private or link-local address. */
  readonly allowPrivateNetworks: boolean;
}

/** A host that no byte was sent to. `code` is a CheckCode, `providerCode` the resolver's own, such as `ENOTFOUND`. */
export class HostError extends Error {
  constructor(
    readonly code: 'address-refused' | 'unreachable',
    message: string,
    readonly remedy: string,
    readonly providerCode?: string,
  ) {
    super(message);
    this.name = 'HostError';
  }
}

/** Where clouds hand credentials to whoever asks from inside. No partner lives there, so no policy allows them. */
const METADATA = new Set(['169.254.169.254', '100.100.100.200', '168.63.129.16', '192.0.0.192', 'fd00:ec2::254']);

/** Ranges that hold no single host. */
const NEVER = new Set(['unspecified', 'multicast', 'broadcast']);

/** The IPv4 address inside an IPv4-mapped or NAT64 one, since that is where the packets end. */
const effective = (address: string): ipaddr.IPv4 | ipaddr.IPv6 => {
  const parsed = ipaddr.process(address.replace(/%.*$/, ''));
  return parsed instanceof ipaddr.IPv6 && parsed.range() === 'rfc6052'
    ? new ipaddr.IPv4(parsed.toByteArray().slice(-4))
    : parsed;
};

/** Why this address (a literal, already resolved) must not be connected to; undefined when it may. */
export const refusalOf = (address: string, { allowPrivateNetworks }: NetworkPolicy): string | undefined => {
  const parsed = effective(address);
  const range = parsed.range();
  if (METADATA.has(parsed.toString())) return `${address} is a cloud metadata address`;
  if (NEVER.has(range)) return `${address} is no address of a single host (${range})`;
  if (range !== 'unicast' && !allowPrivateNetworks) return `${address} is not a public address (${range})`;
  return undefined;
};

/**
 * The addresses of a host name or an IP literal that the policy allows; connect to these and never resolve again, or
 * a name that changes its answer gets past the check. Rejects with a HostError.
 */
export const resolveAllowed = async (host: string, policy: NetworkPolicy): Promise<readonly LookupAddress[]> => {
  const addresses = await dns.lookup(host, { all: true }).catch((error: NodeJS.ErrnoException) => {
    throw new HostError(
      'unreachable',
      `The name ${host} could not be resolved.`,
      'Check the host name for a typing mistake, and that it is published in the public DNS.',
      error.code,
    );
  });
  const refusals = addresses.map(({ address }) => refusalOf(address, policy));
  const allowed = addresses.filter((_, index) => refusals[index] === undefined);
  if (allowed.length > 0) return allowed;
  throw new HostError(
    'address-refused',
    `${host} may not be connected to: ${refusals.join(', ')}.`,
    'Name a host with a public address, or let the operator allow private networks (WAYBILL_ALLOW_PRIVATE_NETWORKS).',
  );
};

/**
 * A `lookup` for net.connect and http.Agent that answers allowed addresses only. Node asks it for names alone: a host
 * that is an IP literal must be put through resolveAllowed first.
 */
export const guardedLookup =
  (policy: NetworkPolicy): LookupFunction =>
  (hostname, { all, family }, callback) => {
    resolveAllowed(hostname, policy).then(
      (addresses) => {
        const wanted = addresses.filter((each) => !family || each.family === Number(String(family).replace('IPv', '')));
        const [first] = wanted;
        if (first === undefined) callback(new Error(`${hostname} has no IPv${family} address`), '');
        else if (all) callback(null, wanted);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, ''),
    );
  };

/**
 * Begins a TCP connection to one of the addresses that were checked, never resolving again. Without Nagle's algorithm: with it,
 * the last packet of each write waits for a delayed acknowledgement (35 to 40 ms).
 */
export const connectTo = (host: string, port: number, addresses: readonly LookupAddress[]): Socket =>
  connect({
    host,
    port,
    lookup: (_host, _options, answer) => answer(null, [...addresses]),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    autoSelectFamilyAttemptTimeout: 2_000,
  });
