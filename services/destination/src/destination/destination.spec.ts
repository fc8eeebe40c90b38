import { specOf } from '@waybill/event-store/decider-spec';
import { DEFAULT_FILE_NAME, DEFAULT_MAPPING, DescribeDelivery, type Schedule, writeMessage } from '@waybill/contracts';
import { fold } from '@waybill/kernel';
import fc from 'fast-check';
import {
  type ActivateSegment,
  checkFiles,
  type CreateDestination,
  describeForDelivery,
  type DestinationCommand,
  destinationDecider,
  type DestinationEvent,
} from './index.js';

const destinationId = '0197f0c4-7a10-4c3e-9b1e-000000000002';
const accountId = '0197f0c4-7a10-4c3e-9b1e-000000000001';
const AT = '2026-11-22T12:00:00.000Z';
const facts = {
  requestId: 'r1',
  destinationId,
  accountId,
  delivers: 'files',
  name: 'Inbox',
  description: '',
  marketingActions: ['emailTargeting'],
  target: { folder: '/in' },
  files: checkFiles(),
  validationId: 'v1',
  findings: { fsync: true },
} as const;
const create: CreateDestination = { type: 'CreateDestination', destinationType: 'sftp', ...facts };
const created: DestinationEvent = { type: 'DestinationCreated', data: { type: 'sftp', ...facts } };
const stream: DestinationEvent = {
  type: 'DestinationCreated',
  data: { ...created.data, delivers: 'events', files: null },
};

const daily: Schedule = { mode: 'full', frequency: 'daily', at: '06:30', timeZone: 'UTC', startDate: '2026-11-01' };
const activate = (id: string, more: Partial<ActivateSegment> = {}): ActivateSegment => ({
  type: 'ActivateSegment',
  segment: { id, name: `Segment ${id}` },
  schedule: daily,
  at: AT,
  scope: { tenant: 'acme', sandbox: 'prod' },
  folderOf: () => '/in',
  ...more,
});
const activation = (id: string) => ({
  segmentId: id,
  segmentName: `Segment ${id}`,
  schedule: daily,
  fileName: DEFAULT_FILE_NAME,
});
const activated = (id: string): DestinationEvent => ({
  type: 'SegmentActivated',
  data: { ...activation(id), activatedAt: AT },
});
const deactivated: DestinationEvent = { type: 'SegmentDeactivated', data: { segmentId: 'a' } };
const disabled: DestinationEvent = { type: 'DestinationDisabled', data: {} };
const enabled: DestinationEvent = { type: 'DestinationEnabled', data: { enabledAt: AT } };
const deleted: DestinationEvent = { type: 'DestinationDeleted', data: {} };
const changeTarget: DestinationCommand = {
  type: 'ChangeTarget',
  requestId: 'r2',
  target: { folder: '/new' },
  validationId: 'v2',
  findings: {},
};
const column = { source: 'attributes.city', target: 'city', required: false, key: false };

const after = (...events: readonly DestinationEvent[]) => fold(destinationDecider, events);
const given = specOf(destinationDecider);
const decide = (events: readonly DestinationEvent[], command: DestinationCommand) =>
  destinationDecider.decide(command, fold(destinationDecider, events));

describe('A destination', () => {
  it('is created by one request, once', () => {
    given([]).when(create).then([created]);
    given([created]).when(create).thenNothing();
    given([created])
      .when({ ...create, requestId: 'r9' })
      .thenRefuses('destination-exists');
  });

  it('is valid without segments, and enabled, with a mapping to start with', () => {
    expect(after(created)).toMatchObject({ status: 'enabled', activations: [], mapping: DEFAULT_MAPPING });
  });

  it('is revised where something is new', () => {
    given([created])
      .when({ type: 'ReviseDestination', description: 'Nightly' })
      .then([{ type: 'DestinationRevised', data: { name: 'Inbox', description: 'Nightly' } }]);
    given([created]).when({ type: 'ReviseDestination', name: 'Inbox' }).thenNothing();
  });

  it('changes its target together with what the proof found', () => {
    const events = decide([created], changeTarget);
    expect(events).toMatchObject([{ type: 'TargetChanged', data: { requestId: 'r2', validationId: 'v2' } }]);
    expect(after(created, ...events)).toMatchObject({ target: { folder: '/new' }, findings: {}, validationId: 'v2' });
    given([created, ...events])
      .when(changeTarget)
      .thenNothing();
  });

  it('changes its marketing actions, whatever their order, down to none', () => {
    const to = (...marketingActions: string[]): DestinationCommand => ({
      type: 'ChangeMarketingActions',
      requestId: 'r3',
      marketingActions,
    });
    const [event] = decide([created], to('analytics', 'emailTargeting'));
    expect(event).toEqual({
      type: 'MarketingActionsChanged',
      data: { requestId: 'r3', marketingActions: ['analytics', 'emailTargeting'] },
    });
    expect(event && decide([created, event], to('emailTargeting', 'analytics'))).toEqual([]);
    expect(decide([created], to())).toMatchObject([{ data: { marketingActions: [] } }]);
  });

  it.each<[string, DestinationCommand]>([
    ['revise', { type: 'ReviseDestination', name: 'x' }],
    ['change target', changeTarget],
    ['change marketing actions', { type: 'ChangeMarketingActions', requestId: 'r', marketingActions: [] }],
    ['activate', activate('a')],
    ['deactivate', { type: 'DeactivateSegment', segmentId: 'a' }],
    ['map', { type: 'ChangeMapping', fields: [column], at: AT }],
    ['disable', { type: 'DisableDestination' }],
    ['enable', { type: 'EnableDestination', at: AT }],
    ['delete', { type: 'DeleteDestination' }],
  ])('that is not there, or no more, is not found: %s', (_, command) => {
    given([]).when(command).thenRefuses('destination-not-found');
    given([created, deleted]).when(command).thenRefuses('destination-not-found');
  });

  it('is disabled and enabled, and twice changes nothing', () => {
    given([created]).when({ type: 'DisableDestination' }).then([disabled]);
    given([created, disabled]).when({ type: 'DisableDestination' }).thenNothing();
    given([created, disabled]).when({ type: 'EnableDestination', at: AT }).then([enabled]);
    given([created]).when({ type: 'EnableDestination', at: AT }).thenNothing();
  });

  it('can be prepared while it is disabled', () => {
    given([created, disabled])
      .when(activate('a'))
      .then([activated('a')]);
  });

  it('is deleted, enabled or not, and its facts stay readable', () => {
    given([created, disabled]).when({ type: 'DeleteDestination' }).then([deleted]);
    expect(after(created, deleted)).toMatchObject({ status: 'deleted', accountId });
  });
});

describe('A segment', () => {
  it('is activated once', () => {
    given([created])
      .when(activate('a'))
      .then([activated('a')]);
    given([created, activated('a')])
      .when(activate('a'))
      .thenNothing();
  });

  it('changes its schedule or its file name when it is activated again', () => {
    const events = decide([created, activated('a')], activate('a', { schedule: null }));
    expect(events).toEqual([{ type: 'ScheduleChanged', data: { ...activation('a'), schedule: null, changedAt: AT } }]);
    expect(after(created, activated('a'), ...events)).toMatchObject({
      activations: [{ segmentId: 'a', schedule: null, activatedAt: AT }],
    });
    expect(decide([created, activated('a')], activate('a', { fileName: 'x_%TIMESTAMP%' }))).toMatchObject([
      { type: 'ScheduleChanged', data: { fileName: 'x_%TIMESTAMP%' } },
    ]);
  });

  it('does not take the file names of another one, but may keep its own', () => {
    const template = '%DATETIME(YYYYMMdd)%';
    const [first] = decide([created], activate('a', { fileName: template }));
    expect(first).toBeDefined();
    if (!first) return;
    given([created, first])
      .when(activate('b', { fileName: template }))
      .thenRefuses('template-not-unique');
    expect(decide([created, first], activate('a', { fileName: template, schedule: null }))).toHaveLength(1);
  });

  it('is deactivated, and was then never there', () => {
    given([created, activated('a')])
      .when({ type: 'DeactivateSegment', segmentId: 'a' })
      .then([deactivated]);
    given([created, activated('a'), deactivated])
      .when({ type: 'DeactivateSegment', segmentId: 'a' })
      .thenRefuses('segment-not-activated');
  });

  it('of a stream is live', () => {
    expect(decide([stream], activate('a', { schedule: null }))).toMatchObject([
      { type: 'SegmentActivated', data: { schedule: null, fileName: '' } },
    ]);
    given([stream]).when(activate('a')).thenRefuses('activation-is-live');
  });
});

describe('The mapping', () => {
  it('counts its revisions from the default one', () => {
    const [first] = decide([created], {
      type: 'ChangeMapping',
      fields: [{ source: 'attributes.city', target: 'city' }],
      at: AT,
    });
    expect(first).toEqual({ type: 'MappingChanged', data: { revision: 1, fields: [column], changedAt: AT } });
    const back: DestinationCommand = { type: 'ChangeMapping', fields: DEFAULT_MAPPING.fields, at: AT };
    expect(first && decide([created, first], back)).toMatchObject([{ data: { revision: 2 } }]);
  });

  it('that is the same is no new revision', () => {
    given([created]).when({ type: 'ChangeMapping', fields: DEFAULT_MAPPING.fields, at: AT }).thenNothing();
  });

  it('is never empty', () => {
    given([created]).when({ type: 'ChangeMapping', fields: [], at: AT }).thenRefuses('mapping-invalid');
  });

  it('of events nests, has no rules of files, and begins and may end empty', () => {
    expect(after(stream)).toMatchObject({ mapping: { revision: 0, fields: [] } });
    const fields = [
      { source: 'identities.email', target: 'personalEmail.address' },
      { source: 'identities.crm', target: 'crm' },
    ];
    const [changed] = decide([stream], { type: 'ChangeMapping', fields, at: AT });
    expect(changed).toMatchObject({ type: 'MappingChanged', data: { fields } });
    expect(changed && decide([stream, changed], { type: 'ChangeMapping', fields: [], at: AT })).toMatchObject([
      { data: { revision: 2, fields: [] } },
    ]);
  });
});

describe('What a run is told', () => {
  it('fits the contract, and holds what a run needs', () => {
    const state = after(created, activated('a'), activated('b'));
    if (state.status === 'none') throw new Error('not created');
    const description = describeForDelivery(state, 2);
    expect(writeMessage(DescribeDelivery.answer, description).data).toEqual(description);
    expect(description).toMatchObject({
      destinationId,
      accountId,
      revision: 2,
      status: 'enabled',
      type: 'sftp',
      findings: { fsync: true },
    });
    expect(description.activations.map(({ segmentId }) => segmentId)).toEqual(['a', 'b']);
  });
});

it('No order of events makes evolve throw', () => {
  const mapped: DestinationEvent = { type: 'MappingChanged', data: { revision: 1, fields: [column] } };
  const events = [created, stream, activated('a'), deactivated, disabled, enabled, deleted, mapped];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...events)), (history) => {
      expect(after(...history).status).toBeDefined();
    }),
  );
});
