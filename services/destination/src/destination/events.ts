import type { FilesOptions, Findings, MappingField, OpenFields, Schedule } from '@waybill/contracts';
import type { DomainEvent } from '@waybill/kernel';

/** What the request behind a change proved or claimed; its own stream tells the rest. */
interface Requested {
  readonly requestId: string;
}

export type DestinationEvent =
  | DomainEvent<
      'DestinationCreated',
      Requested & {
        readonly destinationId: string;
        readonly accountId: string;
        readonly type: string;
        readonly delivers: 'files' | 'events';
        readonly name: string;
        readonly description: string;
        /** Empty: none stated. */
        readonly marketingActions: readonly string[];
        readonly target: OpenFields;
        /** Null for what delivers events. */
        readonly files: FilesOptions | null;
        readonly validationId: string;
        readonly findings: Findings;
      }
    >
  | DomainEvent<'DestinationRevised', { readonly name: string; readonly description: string }>
  | DomainEvent<
      'TargetChanged',
      Requested & { readonly target: OpenFields; readonly validationId: string; readonly findings: Findings }
    >
  | DomainEvent<'MarketingActionsChanged', Requested & { readonly marketingActions: readonly string[] }>
  | DomainEvent<
      'SegmentActivated',
      {
        readonly segmentId: string;
        /** As it was then. */
        readonly segmentName: string;
        readonly schedule: Schedule | null;
        /** Template; empty for what delivers events. */
        readonly fileName: string;
        readonly activatedAt: string;
      }
    >
  | DomainEvent<
      'ScheduleChanged',
      {
        readonly segmentId: string;
        readonly segmentName: string;
        readonly schedule: Schedule | null;
        readonly fileName: string;
        readonly changedAt: string;
      }
    >
  | DomainEvent<'SegmentDeactivated', { readonly segmentId: string }>
  | DomainEvent<
      'MappingChanged',
      {
        readonly revision: number;
        readonly fields: readonly MappingField[];
        /** Left out by older versions. */
        readonly changedAt?: string;
      }
    >
  | DomainEvent<'DestinationDisabled', object>
  | DomainEvent<'DestinationEnabled', { readonly enabledAt: string }>
  | DomainEvent<'DestinationDeleted', object>;
