import Type from 'typebox';
import { defineAnsweredCommand, defineEvent, defineQuestion } from './define.js';
import {
  Activation,
  ClientId,
  DestinationStatus,
  FilesOptions,
  Findings,
  Id,
  Mapping,
  Name,
  OpenFields,
  Revision,
  Schedule,
  Time,
} from './shapes.js';

const about = { destinationId: Id, revision: Revision };
const event = <Properties extends Type.TProperties>(name: string, properties: Properties) =>
  defineEvent('destination', name, Type.Object({ ...about, ...properties }));

export const DestinationCreated = event('DestinationCreated', {
  accountId: Id,
  type: Name,
  name: Type.String(),
  description: Type.String(),
  marketingActions: Type.Array(Name),
});
export const DestinationRevised = event('DestinationRevised', { name: Type.String(), description: Type.String() });
export const TargetChanged = event('TargetChanged', {});
export const MarketingActionsChanged = event('MarketingActionsChanged', { marketingActions: Type.Array(Name) });
/** Slots count from `activatedAt`. */
export const SegmentActivated = event('SegmentActivated', {
  ...Activation.properties,
  /** Left out by older versions, which had files only. */
  delivers: Type.Optional(Type.Enum(['files', 'events'])),
});
/** Schedule or file name. */
export const ScheduleChanged = event('ScheduleChanged', {
  segmentId: ClientId,
  schedule: Type.Union([Schedule, Type.Null()]),
  fileName: Type.String(),
  /** Slots before it belong to the schedule that was. */
  changedAt: Time,
});
export const SegmentDeactivated = event('SegmentDeactivated', { segmentId: ClientId });
export const MappingChanged = event('MappingChanged', { mappingRevision: Revision });
export const DestinationDisabled = event('DestinationDisabled', {});
export const DestinationEnabled = event('DestinationEnabled', { enabledAt: Time });
export const DestinationDeleted = event('DestinationDeleted', { accountId: Id, type: Name });

/** A claim of an account and of marketing actions, made before their owners are asked; the service itself settles it. */
export const DestinationRequestOpened = defineEvent(
  'destination',
  'DestinationRequestOpened',
  Type.Object({ requestId: Id, revision: Revision, destinationId: Id }),
);
/** The owners agreed; the service itself hears it and has the target proven. */
export const TargetProofRequested = defineEvent(
  'destination',
  'TargetProofRequested',
  Type.Object({ requestId: Id, revision: Revision }),
);

/** A destination, or a request that would make or change one and has not ended yet. */
const Uses = Type.Object({ uses: Type.Array(Type.Object({ destinationId: Id, name: Type.String() })) });

/** Answers what is in the log at the time of the question, open requests included, so that a removal and a new use never both win. */
export const ListUsesOfAccount = defineQuestion(
  'destination',
  'ListUsesOfAccount',
  Type.Object({ accountId: Id }),
  Uses,
);
/** The same for a marketing action of the tenant's own. */
export const ListUsesOfMarketingAction = defineQuestion(
  'destination',
  'ListUsesOfMarketingAction',
  Type.Object({ name: Name }),
  Uses,
);

/** Everything that a run needs of a destination. Refused with `destination-not-found`. */
export const DescribeDelivery = defineQuestion(
  'destination',
  'DescribeDelivery',
  Type.Object({ destinationId: Id }),
  Type.Object({
    ...about,
    status: DestinationStatus,
    name: Type.String(),
    type: Name,
    accountId: Id,
    target: OpenFields,
    findings: Findings,
    /** Null for what delivers events. */
    files: Type.Union([FilesOptions, Type.Null()]),
    mapping: Mapping,
    marketingActions: Type.Array(Name),
    activations: Type.Array(Activation),
  }),
);

const Changed = Type.Object({ destinationId: Id, revision: Revision });
/** Switches a segment on, or changes the schedule and file name of one that is on. */
export const ActivateSegment = defineAnsweredCommand(
  'destination',
  'ActivateSegment',
  Type.Object({
    destinationId: Id,
    segmentId: ClientId,
    /** Left out for what delivers events. */
    schedule: Type.Optional(Type.Union([Schedule, Type.Null()])),
    fileName: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  }),
  Changed,
);
export const DeactivateSegment = defineAnsweredCommand(
  'destination',
  'DeactivateSegment',
  Type.Object({ destinationId: Id, segmentId: ClientId }),
  Changed,
);
export const ChangeMapping = defineAnsweredCommand(
  'destination',
  'ChangeMapping',
  Type.Object({
    destinationId: Id,
    fields: Type.Array(
      Type.Object({
        source: ClientId,
        target: ClientId,
        required: Type.Optional(Type.Boolean()),
        key: Type.Optional(Type.Boolean()),
      }),
      { maxItems: 500 },
    ),
  }),
  Changed,
);
export const EnableDestination = defineAnsweredCommand(
  'destination',
  'EnableDestination',
  Type.Object({ destinationId: Id }),
  Changed,
);
export const DisableDestination = defineAnsweredCommand(
  'destination',
  'DisableDestination',
  Type.Object({ destinationId: Id }),
  Changed,
);
