import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { eventually } from '../journeys/testing/eventually.js';
import type { SegmentView } from '../journeys/testing/views.js';
import { startWaybill, type Waybill } from '../journeys/testing/waybill.js';

const EXAMPLE = fileURLToPath(new URL('../../../../examples/kafka.mjs', import.meta.url));

describe('the example of an internal service on Kafka (examples/kafka.mjs)', () => {
  let waybill: Waybill;
  beforeAll(async () => {
    waybill = await startWaybill();
  });
  afterAll(() => waybill.close(), 60_000);

  it('defines a segment by command, hears the answer and the event, and reports who is in it', async () => {
    const brokers = process.env['WAYBILL_TEST_DISTRIBUTED_BROKERS'] ?? process.env['WAYBILL_TEST_KAFKA_BROKERS'];
    const { stdout } = await promisify(execFile)(process.execPath, [EXAMPLE], {
      env: { ...process.env, WAYBILL_KAFKA_BROKERS: brokers },
    });
    expect(stdout).toMatch(/^answer {2}waybill\.audience\.DefineSegmentAnswer\.v1 /m);
    expect(stdout).toMatch(/^event {3}waybill\.audience\.SegmentDefined\.v1 .*paid-last-month/m);
    await eventually(
      async () => (await waybill.api().get<SegmentView>('/v1/segments/paid-last-month')).body.members,
      (members) => members === 3,
    );
  }, 60_000);
});
