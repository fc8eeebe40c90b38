import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { SERVICES } from '@waybill/contracts';
import type { Api } from '../journeys/testing/api.js';
import { eventually } from '../journeys/testing/eventually.js';
import { endOf, exportNow } from '../journeys/testing/exports.js';
import { type Lane, loadRows, openLane, rowsOf } from '../journeys/testing/lane.js';
import { type SftpPartner, startSftpPartner } from '../journeys/testing/sftp-partner.js';
import { startWatchedSftp } from '../journeys/testing/watched-sftp.js';
import { startWaybill, type Waybill } from '../journeys/testing/waybill.js';
import { connectPatiently, expectOnce } from './testing/connecting.js';
import { heldLeases, pidsOf, untilReady } from './testing/processes.js';

const rows = rowsOf(25, 600);
const LANES = 6;

describe('two processes of each service', () => {
  let waybill: Waybill;
  let api: Api;
  let partner: SftpPartner;
  let lanes: readonly Lane[] = [];

  beforeAll(async () => {
    [waybill, partner] = await Promise.all([startWaybill({}, ['--replicas', '2']), startSftpPartner()]);
    api = waybill.api();
    await loadRows(api, rows);
    lanes = await Promise.all(
      Array.from({ length: LANES }, async (_, lane) =>
        openLane(api, await startWatchedSftp(), `Partner ${lane}`, { rows, files: { maxRowsPerFile: 5 } }),
      ),
    );
  }, 180_000);
  afterAll(async () => {
    await waybill.close();
    await Promise.all([...lanes.map((lane) => lane.partner.stop()), partner.stop()]);
  }, 60_000);

  /** Of a metric of one service, by process. */
  const byProcess = async (metric: RegExp): Promise<readonly number[]> => {
    const { text } = await api.get('/metrics');
    return [...text.matchAll(metric)].map(([, value]) => Number(value));
  };

  it('are both ready, and one address has both', async () => {
    await untilReady(waybill);
    for (const service of SERVICES) expect(pidsOf(waybill, service)).toHaveLength(2);
    const { text } = await api.get('/metrics');
    expect([...text.matchAll(/^waybill_up\{service="(\w+)",instance="[^"]+"\} 1$/gm)]).toHaveLength(
      2 * SERVICES.length,
    );
  });

  it('offer together what docs/openapi.json says (npm run distributed -- --openapi docs/openapi.json writes it)', async () => {
    const written = await readFile(new URL('../../../../docs/openapi.json', import.meta.url), 'utf8');
    expect((await api.get('/openapi.json')).body).toEqual(JSON.parse(written));
  });

  it('have one active relay and one active runner of each read model between them', async () => {
    for (const service of SERVICES) {
      const names = await eventually(
        async () => (await heldLeases(waybill, service)).map(({ name }) => name),
        (held) => held.includes(`relay ${service}`),
      );
      expect(names.filter((name) => name.startsWith('projection ')).length).toBeGreaterThan(0);
    }
    // A lease has one holder by its table; that the other process publishes nothing shows in what arrives, below: once.
  });

  it('share the work, and each effect is there once', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `Shared ${index}`);
    await Promise.all(names.map((name) => connectPatiently(api, partner, name)));
    await expectOnce(api, names);
    const connects =
      /^waybill_http_request_duration_seconds_count\{service="account",instance="[^"]+",method="POST",route="\/v1\/accounts",status="201"\} (\d+)/gm;
    const answered = await byProcess(connects);
    expect(answered).toHaveLength(2);
    expect(Math.min(...answered)).toBeGreaterThan(0);
  }, 120_000);

  it('deliver side by side: runs go to both workers, and each file is there once', async () => {
    lanes.forEach((lane) => lane.begin());
    const runIds = await Promise.all(lanes.map(({ destinationId }) => exportNow(api, destinationId)));
    const owners = new Set<string>();
    const ended = Promise.all(runIds.map((id) => endOf(api, id, 90_000)));
    let over = false;
    void ended.finally(() => (over = true)).catch(() => undefined);
    while (!over) {
      for (const { name, owner } of await heldLeases(waybill, 'delivery'))
        if (name.startsWith('run ')) owners.add(owner);
      await sleep(50);
    }
    await ended;
    for (const [index, lane] of lanes.entries()) await lane.expectExactlyOnce(runIds[index]!);
    expect(owners.size).toBe(2);
  }, 120_000);
});
