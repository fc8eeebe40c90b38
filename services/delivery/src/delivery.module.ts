import { Module } from '@nestjs/common';
import { provideService } from '@waybill/service-kit';
import { activationMigrations, Activations } from './activations/activations.js';
import { TakeCancelRun, TakeRetryRun } from './control-run/control-run.message.js';
import { CancelRunsOfStoppedDestinations, ControlRunHandler, ControlRunRoute } from './control-run/control-run.js';
import { deadLetterMigrations, DeadLetters } from './dead-letters/dead-letters.js';
import { DeadLettersRoute } from './dead-letters/dead-letters.route.js';
import { DiscardDeadLetters } from './dead-letters/discard-dead-letters.js';
import { ForgetDeadLetters } from './dead-letters/forget-dead-letters.js';
import { AnswerForgetProfile } from './dead-letters/forget-profile.js';
import { Boundaries, boundaryMigrations } from './execute-run/boundaries.js';
import { LookAheads } from './execute-run/look-ahead.js';
import { Partner } from './execute-run/partner.js';
import { PartStager } from './execute-run/part-stager.js';
import { PartWork, partWorkMigrations } from './execute-run/part-work.js';
import { PartWorker } from './execute-run/part-worker.js';
import { Pipelines } from './execute-run/pipelines.js';
import { Planner } from './execute-run/plan-run.js';
import { Progress, progressMigrations } from './execute-run/progress.js';
import { RunExecutor } from './execute-run/run-executor.js';
import { RunWorker } from './execute-run/run-worker.js';
import { TakeExportNow } from './export-now/export-now.message.js';
import { ExportNowHandler } from './export-now/export-now.js';
import { ExportNowRoute } from './export-now/export-now.route.js';
import { ListRunsRoute, runsProjection } from './list-runs/list-runs.route.js';
import { Runs } from './list-runs/runs.js';
import { PreviewRoute } from './preview-run/preview-run.js';
import {
  discardPublications,
  redeliveryPublications,
  runPublications,
  streamRunPublications,
} from './publish/publish.js';
import { StreamStandings } from './record-stream-runs/stream-standings.js';
import { StreamRunRecorder } from './record-stream-runs/stream-run-recorder.js';
import { StreamWindows } from './record-stream-runs/stream-windows.js';
import { ClaimDeadLetters } from './redeliver/claim-dead-letters.js';
import { ListRedeliveriesRoute, redeliveriesProjection } from './redeliver/list-redeliveries.route.js';
import { RedeliverRoute } from './redeliver/redeliver.route.js';
import { Redeliveries, redeliveryMigrations } from './redeliver/redelivery-counts.js';
import { AnswerRunsThatCarried } from './runs-that-carried/runs-that-carried.js';
import { Scheduler } from './schedule-runs/scheduler.js';
import { sendEvents } from './send-events/index.js';
import { streamSourceProvider } from './stream-source/index.js';

@Module({
  controllers: [
    ExportNowRoute,
    PreviewRoute,
    ListRunsRoute,
    ControlRunRoute,
    DeadLettersRoute,
    RedeliverRoute,
    ListRedeliveriesRoute,
  ],
  providers: [
    ...provideService(
      {
        name: 'delivery',
        projections: [runsProjection, redeliveriesProjection],
        publications: [runPublications, streamRunPublications, redeliveryPublications, discardPublications],
        migrations: [
          ...activationMigrations,
          ...progressMigrations,
          ...boundaryMigrations,
          ...partWorkMigrations,
          ...sendEvents.migrations,
          ...redeliveryMigrations,
          ...deadLetterMigrations,
        ],
      },
      {
        listeners: [
          Activations,
          CancelRunsOfStoppedDestinations,
          ...sendEvents.listeners,
          ClaimDeadLetters,
          DiscardDeadLetters,
        ],
        answerers: [AnswerRunsThatCarried, AnswerForgetProfile, TakeExportNow, TakeCancelRun, TakeRetryRun],
        workers: [
          Scheduler,
          RunWorker,
          PartWorker,
          ...sendEvents.workers,
          StreamRunRecorder,
          StreamStandings,
          ForgetDeadLetters,
        ],
      },
    ),
    Runs,
    Planner,
    Partner,
    PartStager,
    PartWork,
    Pipelines,
    LookAheads,
    Boundaries,
    Progress,
    RunExecutor,
    ExportNowHandler,
    ControlRunHandler,
    streamSourceProvider,
    DeadLetters,
    Redeliveries,
    StreamWindows,
    ...sendEvents.providers,
  ],
})
export class DeliveryModule {}
