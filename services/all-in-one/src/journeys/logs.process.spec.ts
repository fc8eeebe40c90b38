import pg from 'pg';
import type { Api } from './testing/api.js';
import { eventually } from './testing/eventually.js';
import { endOf, exportNow, loadSegment, setUpDelivery } from './testing/exports.js';
import { type SftpPartner, startSftpPartner } from './testing/sftp-partner.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

interface Line {
  readonly context: string;
  readonly msg: string;
  readonly [member: string]: unknown;
}

const OWNER = { 'x-tenant': 'acme', 'x-sandbox': 'trial' };
let waybill: Waybill;
let partner: SftpPartner;
let api: Api;
let database: pg.Client;

beforeAll(async () => {
  [waybill, partner] = await Promise.all([startWaybill({ WAYBILL_LOG_LEVEL: 'debug' }), startSftpPartner()]);
  api = waybill.api(OWNER);
  database = new pg.Client({ connectionString: waybill.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await Promise.all([waybill.close(), partner.stop()]);
});

const linesOf = (context: string): readonly Line[] =>
  waybill.output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line)
    .filter((line) => line.context === context);
const correlationsOf = async (stream: string): Promise<readonly string[]> => {
  const { rows } = await database.query<{ id: string }>(
    `select distinct metadata->>'correlationId' as id from delivery.events where stream = $1`,
    [stream],
  );
  return rows.map(({ id }) => id);
};

describe('a correlation id', () => {
  it('goes through all steps of the run that was asked for with it, and stands with its tenant in each line of log', async () => {
    await loadSegment(api, 'loyal', 'email', 'email\na@example.com\nb@example.com\nc@example.com\n');
    const { id } = await setUpDelivery(api, {
      ...{ name: 'Partner', type: 'sftp', authentication: partner.authentication(), target: { folder: 'incoming' } },
      ...{ files: { maxRowsPerFile: 1 }, segmentId: 'loyal', identity: 'email', attributes: [] },
    });
    const run = await endOf(api, await exportNow(waybill.api({ ...OWNER, 'x-correlation-id': 'asked-for' }), id));
    expect(run).toMatchObject({ status: 'completed', files: [{ rows: 1 }, { rows: 1 }, { rows: 1 }] });
    expect(await correlationsOf(`run-${run.id}`)).toEqual(['asked-for']);
    const lines = await eventually(
      () => Promise.resolve(linesOf('part worker').filter(({ msg }) => msg.includes(run.id))),
      (said) => said.some(({ msg }) => msg.endsWith('is staged')),
    );
    for (const line of lines) expect(line).toMatchObject({ tenant: 'acme', sandbox: 'trial' });
    expect(lines.filter(({ msg }) => msg.endsWith('is staged')).map(({ correlationId }) => correlationId)).toEqual(
      expect.arrayContaining(['asked-for']),
    );
  });

  it('is made where the caller gives none, and stands in the line of the answer', async () => {
    await api.post('/v1/runs/5f0c4a5e-1111-4222-8333-444455556666/cancel');
    const line = await eventually(
      () => Promise.resolve(linesOf('http').find(({ route }) => route === '/v1/runs/:id/cancel')),
      (found) => found !== undefined,
    );
    expect(line).toMatchObject({
      ...{ method: 'POST', status: 404, tenant: 'acme', sandbox: 'trial' },
      correlationId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });
});
