import { connect } from 'node:net';
import { describeWith } from '@waybill/testkit/availability';
import { findKafka, type KafkaCounterpart } from '@waybill/testkit/kafka';
import { startTcpProxy, type TcpProxy } from '@waybill/testkit/tcp-proxy';
import { type BusHarness, messageBusContract } from '../contract-suite.js';
import type { MessageBus } from '../port.js';
import { openKafka } from './message-bus.js';

const SESSION_MS = 3_000;

/** Each bus reaches each broker through a proxy of its own, which is cut to end it. */
const openHarness = async (start: () => Promise<KafkaCounterpart>): Promise<BusHarness> => {
  const server = await start();
  const networks = new Map<MessageBus, ReadonlyMap<number, TcpProxy>>();
  return {
    async openBus() {
      const proxies = new Map<number, TcpProxy>();
      for (const broker of server.brokers) {
        const [host = '', port] = broker.split(':');
        proxies.set(Number(port), await startTcpProxy({ host, port: Number(port) }));
      }
      const bus = await openKafka({
        brokers: server.brokers,
        times: { sessionMs: SESSION_MS, heartbeatMs: 100, fetchWaitMs: 50, graceMs: 2_000, publishMs: 10_000 },
        socketFactory: ({ port, onConnect }) =>
          connect({ host: '127.0.0.1', port: proxies.get(port)!.port }, onConnect),
      });
      networks.set(bus, proxies);
      const close = bus.close.bind(bus);
      bus.close = async () => {
        if (!networks.delete(bus)) return;
        await close();
        for (const proxy of proxies.values()) await proxy.stop();
      };
      return bus;
    },
    kill(bus) {
      networks.get(bus)?.forEach((proxy) => proxy.set('cut'));
      return Promise.resolve();
    },
    async close() {
      await Promise.all([...networks.keys()].map((bus) => bus.close()));
      await server.stop();
    },
  };
};

describeWith('Kafka', findKafka(), (start) => {
  messageBusContract('Kafka', () => openHarness(start()), {
    takeoverMs: SESSION_MS,
    denseOffsets: true,
    cleanHandover: true,
  });
});
