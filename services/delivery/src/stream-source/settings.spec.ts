import {
  type AnswerOf,
  type DescribeDelivery,
  DescribeSegments,
  type MessageContract,
  writeMessage,
} from '@waybill/contracts';
import { newId } from '@waybill/kernel';
import { SettingsOfDestinations } from './settings.js';

const context = {
  tenant: 'acme',
  sandbox: 'prod',
  commandId: newId(),
  actor: 'somebody',
  at: '2026-11-22T08:00:00.000Z',
  correlationId: newId(),
};

const deliveryOf = (segments: number, target: object): AnswerOf<typeof DescribeDelivery> => ({
  destinationId: newId(),
  revision: 1,
  status: 'enabled',
  name: 'Stream',
  type: 'amazon-kinesis',
  accountId: newId(),
  target: { stream: 'events', ...target },
  findings: {},
  files: null,
  mapping: { revision: 0, fields: [] },
  marketingActions: [],
  activations: Array.from({ length: segments }, (_, n) => ({
    segmentId: `s${n}`,
    schedule: null,
    fileName: '',
    activatedAt: context.at,
  })),
});

/** Answers as the services do; what it is asked must fit the contract. */
const serviceOf = (delivery: AnswerOf<typeof DescribeDelivery>) => {
  const asked: number[] = [];
  const ask = (contract: MessageContract, question: { readonly segmentIds?: readonly string[] }) => {
    writeMessage(contract, question as never);
    if (contract.type !== DescribeSegments.type) return Promise.resolve(delivery);
    const { segmentIds = [] } = question;
    asked.push(segmentIds.length);
    const segments = segmentIds.map((segmentId) => ({
      segmentId,
      exists: true,
      name: `Name of ${segmentId}`,
      members: 1,
    }));
    return Promise.resolve({ segments });
  };
  return { asked, service: { ask: ask as never } };
};

it('The names of segments are asked for in as many questions as it takes', async () => {
  const delivery = deliveryOf(2_500, { includeSegmentNames: true });
  const { asked, service } = serviceOf(delivery);
  const { segments } = await new SettingsOfDestinations(service).ask(delivery.destinationId, context);
  expect(asked).toEqual([1_000, 1_000, 500]);
  expect(segments.get('s2499')?.name).toBe('Name of s2499');
});

it('Nobody is asked for what no event tells, or where nothing is active', async () => {
  for (const delivery of [deliveryOf(3, {}), deliveryOf(0, { includeSegmentNames: true })]) {
    const { asked, service } = serviceOf(delivery);
    await new SettingsOfDestinations(service).ask(delivery.destinationId, context);
    expect(asked).toEqual([]);
  }
});
