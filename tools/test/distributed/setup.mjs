// One Kafka for the whole tier: each Waybill of it starts on an emptied one.
import { messageOf } from '@waybill/kernel';
import { findKafka } from '@waybill/testkit/kafka';

export default async function setup() {
  const found = findKafka();
  if (!found.available) {
    process.env.WAYBILL_TEST_NO_DISTRIBUTED = found.reason;
    return;
  }
  try {
    globalThis.kafkaOfTheTier = await found.value();
    process.env.WAYBILL_TEST_DISTRIBUTED_BROKERS = globalThis.kafkaOfTheTier.brokers.join(',');
  } catch (error) {
    process.env.WAYBILL_TEST_NO_DISTRIBUTED = `Kafka did not start: ${messageOf(error)}`;
  }
}
