import { randomUUID } from 'node:crypto';
import type { Connector } from '../port.js';
import { accessOf, uriOf } from './access.js';
import { EventHubsFailure } from './failure.js';
import type { Link } from './link.js';
import type { Settings } from './options.js';
import { HubProof } from './proof.js';

/** A hub that is not there, or that the policy may not send to: said only to those whose signature was found right. */
const recognises = ({ code }: EventHubsFailure): boolean => code === 'not-found' || code === 'permission-denied';

/** Opens a link; a failure that came after the token was accepted is handed back. */
const authenticate = async (link: Link, signal: AbortSignal): Promise<EventHubsFailure | undefined> => {
  try {
    await link.createBatch(signal);
    return undefined;
  } catch (error) {
    if (error instanceof EventHubsFailure && recognises(error)) return error;
    throw error;
  }
};

/**
 * Reach, TLS, and whether the key is right. There is no call that asks for that alone: a token is always for a hub. Without
 * one in the account it is for one that is made up, since a wrong key is told before a missing hub.
 */
export const proveCredentials =
  (settings: Settings): Connector['proveCredentials'] =>
  async (credentials, environment) => {
    const access = accessOf(credentials);
    const hub = access.hub ?? `waybill-probe-${randomUUID()}`;
    const resource = uriOf(access, hub);
    const proof = new HubProof(access, settings, environment);
    return proof.over(hub, async (link) => {
      const denial = await proof.attempt(
        { name: 'authenticate', call: 'put-token', resource },
        () => authenticate(link!, environment.signal),
        `The namespace knows the policy ${access.keyName}, and its key is right.`,
      );
      if (access.hub === undefined) return {};
      await proof.attempt(
        { name: 'hub', call: 'attach', resource },
        () => (denial ? Promise.reject(denial) : Promise.resolve()),
        `The hub ${hub} is there, and the policy may send to it.`,
      );
      return {};
    });
  };
