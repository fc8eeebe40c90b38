import { connectorFor, type Credentials, type EventSink } from '@waybill/connectors';
import type { PartnerAddress } from './stream-partner.js';

/** Opens our sink at a partner, after the proofs that a destination goes through. */
export const openSink = async (
  { type, method, authentication, target }: PartnerAddress,
  signal: AbortSignal,
): Promise<EventSink> => {
  const connector = connectorFor(type)!;
  const environment = { allowPrivateNetworks: true, signal };
  const scope = { tenant: 'bench', sandbox: 'prod' };
  const account: Credentials = { scope, accountId: 'bench', method, authentication, findings: {} };
  const { findings } = await connector.proveCredentials(account, environment);
  const proven = await connector.proveTarget({ ...account, findings }, target, environment);
  return connector.openEventSink!({ ...account, findings: { ...findings, ...proven.findings } }, target, environment);
};
