import { SERVICES, topicsReadBy } from '@waybill/contracts';
import { startWaybill, type Waybill } from '../journeys/testing/waybill.js';

describe('the topics that services read', () => {
  let waybill: Waybill;
  beforeAll(async () => {
    waybill = await startWaybill();
  });
  afterAll(() => waybill.close());

  /** Each group keeps an offset of every topic that it reads. */
  const readBy = async (service: string): Promise<readonly string[]> => {
    const { text } = await waybill.api().get('/metrics');
    const lags = text.matchAll(/^waybill_consumer_lag_messages\{group="(\w+)",topic="([\w.]+)"\}/gm);
    return [...lags].filter(([, group]) => group === service).map(([, , topic]) => topic!);
  };

  it.each(SERVICES)(
    '(%s) are those that are declared: `waybill topics apply` makes their dead letters',
    async (service) => {
      expect([...(await readBy(service))].sort()).toEqual([...topicsReadBy(service)].sort());
    },
  );
});
