import { DEFAULT_FILE_NAME, DEFAULT_MAPPING } from '@waybill/contracts';
import { fold } from '@waybill/kernel';
import { planRun, type PlanningFacts, type Run, runDecider, type RunEvent } from './index.js';
import { AT, partDone, plan as planned, requested, started } from './testing/histories.js';

const runAfter = (...events: readonly RunEvent[]): Run => {
  const state = fold(runDecider, events);
  if (state.status === 'none') throw new Error('the run was not requested');
  return state;
};
const scheduled: RunEvent = {
  type: 'RunRequested',
  data: { ...requested.data, trigger: { kind: 'schedule', slot: '2026-11-22T05:00:00.000Z' } },
} as RunEvent;

const facts: PlanningFacts = {
  run: runAfter(requested),
  scope: { tenant: 'acme', sandbox: 'prod' },
  destination: {
    destinationId: 'd',
    revision: 3,
    status: 'enabled',
    name: 'Inbox',
    type: 'sftp',
    accountId: 'a',
    target: { folder: '/in/%SEGMENT_NAME%' },
    findings: {},
    files: planned.files,
    mapping: DEFAULT_MAPPING,
    marketingActions: ['emailTargeting'],
    activations: [{ segmentId: 's', schedule: null, fileName: DEFAULT_FILE_NAME, activatedAt: AT }],
  },
  account: {
    accountId: 'a',
    revision: 1,
    type: 'sftp',
    name: 'Partner',
    status: 'connected',
    method: 'password',
    address: 'sftp.partner.example:22',
    authentication: {},
    secretRef: 'ref',
    credentialsFingerprint: 'c1',
    findings: {},
    encryptionKey: { armored: 'x', fingerprint: 'k1' },
  },
  segment: { segmentId: 's', exists: true, name: 'High value', members: 3 },
  watermark: '42',
  previous: null,
  folderOf: ({ name }) => `/in/${name}`,
  runsNamed: () => 0,
  at: '2026-11-22T06:30:01.000Z',
};
const { destination, account, segment } = facts;

describe('A plan', () => {
  it('settles names, watermark and mapping before a row is read', () => {
    const { plan, credentials } = planRun(facts);
    expect(plan).toEqual({
      plannedAt: '2026-11-22T06:30:01.000Z',
      destination: { id: 'd', name: 'Inbox', type: 'sftp' },
      accountId: 'a',
      segment: { id: 's', name: 'High value' },
      marketingActions: ['emailTargeting'],
      target: { folder: '/in/%SEGMENT_NAME%' },
      mapping: DEFAULT_MAPPING,
      files: planned.files,
      watermark: '42',
      previous: null,
      folder: '/in/High value',
      fileName: 'Inbox_segment_s_20261122_063000',
      revision: 1,
      extension: '.csv.gz.pgp',
      members: 3,
    });
    expect(credentials).toEqual({ secretRef: 'ref', credentialsFingerprint: 'c1', keyFingerprint: 'k1' });
    expect(JSON.stringify(plan)).not.toContain('armored');
  });

  it('names the files of a scheduled run by its slot, however late it begins', () => {
    expect(planRun({ ...facts, run: runAfter(scheduled) }).plan.fileName).toBe('Inbox_segment_s_20261122_050000');
  });

  it('of a second run by the same name begins with another revision, for all its parts', () => {
    const { plan, credentials } = planRun({ ...facts, runsNamed: () => 1 });
    expect(plan.revision).toBe(2);
    const history: RunEvent[] = [requested, started(), { type: 'RunPlanned', data: { attempt: 1, plan, credentials } }];
    expect(runAfter(...history).next).toEqual({ revision: 2, setAside: 0 });
    expect(runAfter(...history, ...partDone(1, true)).next).toEqual({ revision: 2, setAside: 0 });
  });

  it('has no .pgp where the account has no key', () => {
    const { plan, credentials } = planRun({ ...facts, account: { ...account, encryptionKey: null } });
    expect([plan.extension, credentials.keyFingerprint]).toEqual(['.csv.gz', null]);
  });

  it('is made for an account that is about to be disconnected: its uses go on until it is gone', () => {
    expect(planRun({ ...facts, account: { ...account, status: 'disconnecting' } }).plan).toBeDefined();
  });

  it.each<[string, Partial<PlanningFacts>]>([
    ['run-superseded', { destination: { ...destination, status: 'disabled' } }],
    ['run-superseded', { destination: { ...destination, status: 'deleted' } }],
    ['run-superseded', { destination: { ...destination, activations: [] } }],
    ['destination-delivers-events', { destination: { ...destination, files: null } }],
    ['account-unusable', { account: { ...account, status: 'disconnected' } }],
    ['run-superseded', { segment: { ...segment, exists: false, name: null } }],
    ['file-name-too-long', { destination: { ...destination, name: 'x'.repeat(250) } }],
  ])('is not made: %s', (slug, more) => {
    expect(() => planRun({ ...facts, ...more })).toThrow(expect.objectContaining({ slug }) as Error);
  });
});
