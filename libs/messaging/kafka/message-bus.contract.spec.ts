import { describeWith } from '@waybill/testkit/availability';
import { findKafka, type KafkaCounterpart } from '@waybill/testkit/kafka';
import { type BusHarness, messageBusContract } from '../contract-suite.js';
import type { MessageBus } from '../port.js';
import { openKafka } from './message-bus.js';
import { type Network, openNetwork } from './testing/network.js';

/** Long enough for a machine that is busy: what it lapses under is handled twice. */
const SESSION_MS = 10_000;

const openHarness = async (start: () => Promise<KafkaCounterpart>): Promise<BusHarness> => {
  const server = await start();
  const networks = new Map<MessageBus, Network>();
  return {
    async openBus() {
      const network = await openNetwork(server.brokers);
      const bus = await openKafka({
        ...network.connection,
        times: { sessionMs: SESSION_MS, heartbeatMs: 100, fetchWaitMs: 50, graceMs: 2_000, publishMs: 10_000 },
      });
      networks.set(bus, network);
      const leave = bus.close.bind(bus);
      bus.close = async () => {
        if (!networks.delete(bus)) return;
        await leave();
        await network.stop();
      };
      return bus;
    },
    kill(bus) {
      networks.get(bus)?.proxies.forEach((proxy) => proxy.set('cut'));
      return Promise.resolve();
    },
    async close() {
      await Promise.all([...networks.keys()].map((bus) => bus.close()));
      await server.stop();
    },
  };
};

describeWith('Kafka', findKafka(), (start) => {
  const features = { takeoverMs: SESSION_MS, denseOffsets: true, cleanHandover: true };
  messageBusContract('Kafka', () => openHarness(start()), features);
});
