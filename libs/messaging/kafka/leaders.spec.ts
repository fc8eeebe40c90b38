import type { PartitionMetadata } from 'kafkajs';
import { createLeaders, LeaderMoved, type LedRecord } from './leaders.js';

const topic = 'waybill.test';
const led = (...leaders: readonly number[]): PartitionMetadata[] =>
  leaders.map((leader, partitionId) => ({ partitionId, leader, replicas: [], isr: [], partitionErrorCode: 0 }));

describe('the leaders of partitions', () => {
  it('are learned from a try that is stopped, whose records then go to them', () => {
    const leaders = createLeaders();
    const partition = leaders.createPartitioner();
    const to = (leader: number | undefined): LedRecord => ({ value: 'x', partition: 1, leader });
    expect(leaders.of(topic, 1)).toBeUndefined();
    const partitionMetadata = led(7, 8);
    expect(() => partition({ topic, partitionMetadata, message: to(undefined) })).toThrow(LeaderMoved);
    expect([leaders.of(topic, 0), leaders.of(topic, 1), leaders.of('waybill.other', 1)]).toEqual([7, 8, undefined]);
    expect(partition({ topic, partitionMetadata, message: to(8) })).toBe(1);
  });

  it('stop a try that would go to another broker than it was meant for, also for one record of many', () => {
    const leaders = createLeaders();
    const partition = leaders.createPartitioner();
    const record = (number: number, leader = 7): LedRecord => ({ value: 'x', partition: number, leader });
    expect(() => partition({ topic, partitionMetadata: led(7, 7), message: record(0, 9) })).toThrow(LeaderMoved);
    const moved = led(7, 9);
    expect(partition({ topic, partitionMetadata: moved, message: record(0) })).toBe(0);
    expect(() => partition({ topic, partitionMetadata: moved, message: record(1) })).toThrow(LeaderMoved);
    expect(leaders.of(topic, 1)).toBe(9);
  });
});
