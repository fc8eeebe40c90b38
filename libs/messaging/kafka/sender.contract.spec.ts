import { newId } from '@waybill/kernel';
import { describeWith } from '@waybill/testkit/availability';
import { findKafka, type KafkaCounterpart } from '@waybill/testkit/kafka';
import { withAdmin } from './connection.js';
import { openSender, type Sender } from './sender.js';

describeWith('a sender of records to Kafka', findKafka(), (start) => {
  let server: KafkaCounterpart;
  let sender: Sender;
  let roomy: string;
  let narrow: string;

  beforeAll(async () => {
    server = await start()();
  }, 120_000);
  afterAll(() => server.stop(), 30_000);
  beforeEach(async () => {
    [roomy, narrow] = [`waybill.test.${newId()}`, `waybill.test.${newId()}`];
    await withAdmin(server, (admin) =>
      admin.createTopics({
        waitForLeaders: false,
        topics: [
          { topic: roomy, numPartitions: 1 },
          { topic: narrow, numPartitions: 1, configEntries: [{ name: 'max.message.bytes', value: '1000' }] },
        ],
      }),
    );
    sender = await openSender(server, 20_000);
  });
  afterEach(() => sender.close());

  const send = (topic: string, bytes: number) =>
    sender.send([{ topic, partition: 0, bytes, record: { value: 'x'.repeat(bytes) } }]);
  const outcomes = async (sent: readonly Promise<void>[]) =>
    (await Promise.allSettled(sent)).map((outcome) =>
      outcome.status === 'fulfilled' ? 'written' : (outcome.reason as { slug?: string }).slug,
    );

  it('lets what a topic refuses take nothing with it that goes at the same time', async () => {
    const first = send(roomy, 10); // the others wait for it, and go together
    const sent = [send(roomy, 10), send(narrow, 2_000), send(narrow, 10), send(roomy, 10)];
    expect(await outcomes([first, ...sent])).toEqual(['written', 'written', 'message-too-large', 'written', 'written']);
  }, 60_000);

  it('writes one by one what fits a topic alone, and not together', async () => {
    const sent = Array.from({ length: 5 }, () => send(narrow, 500));
    expect(await outcomes(sent)).toEqual(Array.from({ length: 5 }, () => 'written'));
  }, 60_000);

  it('takes nothing more once it is closed', async () => {
    const last = send(roomy, 10);
    await sender.close();
    expect(await outcomes([last, send(roomy, 10)])).toEqual(['written', 'messaging-unavailable']);
  });
});
