import { WaybillError } from '@waybill/kernel';
import type { Connector, Environment } from '../port.js';
import { type Access, accessOf, hubOf } from './access.js';
import { HubBatch } from './batch.js';
import { bucketOf } from './buckets.js';
import { toWaybillError } from './failure.js';
import { type Link, openLink } from './link.js';
import type { Settings } from './options.js';
import { RenewedLink } from './renewed-link.js';
import { openTcp, secure } from './socket.js';

/** A link that may be sent over: the hub is there, and the policy allows it. */
const connect = async (access: Access, hub: string, settings: Settings, environment: Environment): Promise<Link> => {
  const { signal } = environment;
  const tcp = await openTcp(access, settings, environment);
  const socket = access.emulator ? tcp : await secure(tcp, access, settings, signal);
  const link = openLink(socket, access, hub, settings.deadlines);
  try {
    await link.createBatch(signal);
    return link;
  } catch (error) {
    await link.close();
    throw error;
  }
};

/** Sends to one hub over one connection, which is made anew when it was lost or its link was closed for being idle. */
export const openSink =
  (settings: Settings): NonNullable<Connector['openEventSink']> =>
  async (credentials, target, environment) => {
    const { signal } = environment;
    const access = accessOf(credentials);
    const hub = hubOf(access, target);
    if (typeof hub !== 'string') throw new WaybillError('partner-rejected', 'refused', `${hub.message} ${hub.remedy}`);
    const links = new RenewedLink(() => connect(access, hub, settings, environment));
    const emptyBatch = async (bucket?: string) => {
      const link = await links.opened(signal);
      return link.createBatch(signal, bucket).catch((error: unknown) => {
        throw toWaybillError(error);
      });
    };
    const { maxSizeInBytes } = await emptyBatch();
    return {
      bucketOf,
      atomicBatches: true,
      mostRecordBytes: maxSizeInBytes,
      openBatch: async (bucket) => new HubBatch(await emptyBatch(bucket), links),
      close: () => links.close(),
    };
  };
