import { idFrom, type Scope } from '@waybill/kernel';
import Type from 'typebox';
import { type Data, defineAnsweredCommand, defineEvent, defineQuestion } from './define.js';
import { Problem } from './problem.js';
import { ClientId, Count, ExportMode, Id, Revision, RunCounts, Sha256, Time, Watermark } from './shapes.js';

const about = { runId: Id, revision: Revision, destinationId: Id, segmentId: ClientId };
const event = <Properties extends Type.TProperties>(name: string, properties: Properties) =>
  defineEvent('delivery', name, Type.Object({ ...about, ...properties }));

export const RunTrigger = Type.Union([
  Type.Object({ kind: Type.Literal('schedule'), slot: Time }),
  Type.Object({ kind: Type.Literal('manual') }),
]);

export const RunRequested = event('RunRequested', { mode: ExportMode, trigger: RunTrigger });
export const RunStarted = event('RunStarted', { attempt: Type.Integer({ minimum: 1 }) });
export const FilePublished = event('FilePublished', {
  part: Type.Integer({ minimum: 1 }),
  path: Type.String(),
  rows: Count,
  bytes: Count,
  sha256: Sha256,
});
export const RunCompleted = event('RunCompleted', {
  counts: RunCounts,
  files: Count,
  bytes: Count,
  manifest: Type.Union([Type.Object({ path: Type.String(), sha256: Sha256 }), Type.Null()]),
  watermark: Watermark,
});
export const RunFailed = event('RunFailed', { problem: Problem });
export const RunCancelled = event('RunCancelled', {});
export const RunRetried = event('RunRetried', {});

/**
 * For an erasure's answer: which destinations were sent a segment while it held the profile. The asker states the times of
 * membership; no profile is named.
 */
export const RunsThatCarried = defineQuestion(
  'delivery',
  'RunsThatCarried',
  Type.Object({
    memberships: Type.Array(Type.Object({ segmentId: ClientId, from: Time, until: Type.Union([Time, Type.Null()]) }), {
      maxItems: 10_000,
    }),
  }),
  Type.Object({
    destinations: Type.Array(
      Type.Object({
        destinationId: Id,
        name: Type.String(),
        segmentIds: Type.Array(ClientId),
        lastRunId: Id,
        lastSentAt: Time,
      }),
    ),
  }),
);

/** Exports now, in the mode of each segment's activation; all activated ones where none is named. */
export const ExportNow = defineAnsweredCommand(
  'delivery',
  'ExportNow',
  Type.Object({ destinationId: Id, segmentIds: Type.Optional(Type.Array(ClientId, { minItems: 1 })) }),
  Type.Object({ runs: Type.Array(Type.Object({ runId: Id, segmentId: ClientId })) }),
);
const Run = Type.Object({ runId: Id, revision: Revision });
/** Stops a run at the next safe point. */
export const CancelRun = defineAnsweredCommand('delivery', 'CancelRun', Type.Object({ runId: Id }), Run);
/** Lets a failed run go on from where it stood. */
export const RetryRun = defineAnsweredCommand('delivery', 'RetryRun', Type.Object({ runId: Id }), Run);

/** Stands for a profile in a message: its id need not lie in a topic for that. */
export const profileKey = ({ tenant, sandbox }: Scope, profileId: string): string =>
  idFrom('profile', tenant, sandbox, profileId);

/** For an erasure: delivery forgets what it keeps of the profile. Answered when it is gone. */
export const ForgetProfile = defineQuestion(
  'delivery',
  'ForgetProfile',
  Type.Object({
    profileKey: Id,
    /** The change that erased it, once it has: what was read of it before, and waits to be sent, is not sent. */
    erasedAt: Type.Optional(Count),
  }),
  Type.Object({ deadLetters: Count }),
);

/** Which dead letters: those that all of it holds for. A profile is told by its key, so that no event names one. */
export const RedeliveryFilter = Type.Object({
  runId: Type.Optional(Id),
  /** Given up at or after, and before. */
  from: Type.Optional(Type.String()),
  to: Type.Optional(Type.String()),
  code: Type.Optional(Type.String()),
  profileKey: Type.Optional(Id),
});
export type RedeliveryFilter = Data<typeof RedeliveryFilter>;

/** Of profiles, each of which is told once: `skipped` was told live meanwhile, or there is nothing to tell of it any more; `failed` is a dead letter again. */
export const RedeliveryCounts = Type.Object({ requested: Count, redelivered: Count, skipped: Count, failed: Count });
export type RedeliveryCounts = Data<typeof RedeliveryCounts>;

const aboutRedelivery = { redeliveryId: Id, revision: Revision, destinationId: Id };
/** Dead letters of a destination are to be delivered again. */
export const RedeliveryRequested = defineEvent(
  'delivery',
  'RedeliveryRequested',
  Type.Object({ ...aboutRedelivery, filter: RedeliveryFilter, deadLetters: Count }),
);
export const RedeliveryCompleted = defineEvent(
  'delivery',
  'RedeliveryCompleted',
  Type.Object({ ...aboutRedelivery, counts: RedeliveryCounts }),
);

/** One run for each hour in which a destination was sent events, or could not be. */
const aboutStream = { runId: Id, revision: Revision, destinationId: Id };
const streamEvent = <Properties extends Type.TProperties>(name: string, properties: Properties) =>
  defineEvent('delivery', name, Type.Object({ ...aboutStream, ...properties }));

export const StreamRunStarted = streamEvent('StreamRunStarted', {
  segmentIds: Type.Array(ClientId),
  /** The hour that it counts. */
  from: Time,
  to: Time,
});
/** A summary from time to time; counts are those of the hour so far. */
export const StreamRunProgressed = streamEvent('StreamRunProgressed', { counts: RunCounts });
export const StreamRunCompleted = streamEvent('StreamRunCompleted', { counts: RunCounts });

/** Dead letters of a destination were given up for good. */
export const DeadLettersDiscarded = defineEvent(
  'delivery',
  'DeadLettersDiscarded',
  Type.Object({
    discardId: Id,
    revision: Revision,
    destinationId: Id,
    filter: RedeliveryFilter,
    deadLetters: Count,
  }),
);
