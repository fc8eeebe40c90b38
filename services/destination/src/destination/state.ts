import type {
  Activation,
  AnswerOf,
  DescribeDelivery,
  FilesOptions,
  Findings,
  Mapping,
  OpenFields,
} from '@waybill/contracts';
import { DEFAULT_EVENT_MAPPING, DEFAULT_MAPPING } from '@waybill/contracts';
import { unreachable } from '@waybill/kernel';
import type { DestinationEvent } from './events.js';

export interface ActiveSegment extends Activation {
  readonly segmentName: string;
}

export interface Destination {
  readonly status: 'enabled' | 'disabled' | 'deleted';
  readonly destinationId: string;
  /** The request that made it. */
  readonly requestId: string;
  readonly accountId: string;
  readonly type: string;
  readonly delivers: 'files' | 'events';
  readonly name: string;
  readonly description: string;
  readonly marketingActions: readonly string[];
  readonly target: OpenFields;
  readonly files: FilesOptions | null;
  readonly validationId: string;
  readonly findings: Findings;
  readonly mapping: Mapping;
  /** In the order in which they were activated. */
  readonly activations: readonly ActiveSegment[];
}

export type DestinationState = { readonly status: 'none' } | Destination;

export const initialState: DestinationState = { status: 'none' };

const change = (state: DestinationState, changes: Partial<Destination>): DestinationState =>
  state.status === 'none' || state.status === 'deleted' ? state : { ...state, ...changes };

const defaultMappingOf = ({ delivers }: Pick<Destination, 'delivers'>) =>
  delivers === 'events' ? DEFAULT_EVENT_MAPPING : DEFAULT_MAPPING;

const activationsOf = (state: DestinationState) => (state.status === 'none' ? [] : state.activations);

export const evolve = (state: DestinationState, event: DestinationEvent): DestinationState => {
  switch (event.type) {
    case 'DestinationCreated':
      return state.status === 'none'
        ? { status: 'enabled', ...event.data, mapping: defaultMappingOf(event.data), activations: [] }
        : state;
    case 'DestinationRevised':
      return change(state, { name: event.data.name, description: event.data.description });
    case 'TargetChanged': {
      const { target, validationId, findings } = event.data;
      return change(state, { target, validationId, findings });
    }
    case 'MarketingActionsChanged':
      return change(state, { marketingActions: event.data.marketingActions });
    case 'SegmentActivated':
      return change(state, { activations: [...activationsOf(state), event.data] });
    case 'ScheduleChanged': {
      const { changedAt: _, ...changed } = event.data;
      return change(state, {
        activations: activationsOf(state).map((active) =>
          active.segmentId === changed.segmentId ? { ...active, ...changed } : active,
        ),
      });
    }
    case 'SegmentDeactivated':
      return change(state, {
        activations: activationsOf(state).filter(({ segmentId }) => segmentId !== event.data.segmentId),
      });
    case 'MappingChanged':
      return change(state, { mapping: event.data });
    case 'DestinationDisabled':
      return change(state, { status: 'disabled' });
    case 'DestinationEnabled':
      return change(state, { status: 'enabled' });
    case 'DestinationDeleted':
      return change(state, { status: 'deleted' });
    default:
      return unreachable(event, state);
  }
};

/** What a run needs to know; the revision is the stream's. */
export const describeForDelivery = (destination: Destination, revision: number): AnswerOf<typeof DescribeDelivery> => {
  const { destinationId, status, name, type, accountId, target, findings, files, mapping, marketingActions } =
    destination;
  const activations = destination.activations.map(({ segmentName: _, ...activation }) => activation);
  return {
    destinationId,
    revision,
    status,
    name,
    type,
    accountId,
    target,
    findings,
    files,
    mapping,
    marketingActions,
    activations,
  };
};
