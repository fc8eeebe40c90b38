import {
  checkEventMapping,
  checkMapping,
  type FilesOptions,
  type Findings,
  type MappingFieldInput,
  type OpenFields,
} from '@waybill/contracts';
import { canonicalJson, type Scope, WaybillError } from '@waybill/kernel';
import {
  type ActivationInput,
  checkActivation,
  checkLiveActivation,
  type Naming,
  type Segment,
} from '../activation/index.js';
import type { DestinationEvent } from './events.js';
import type { ActiveSegment, Destination, DestinationState } from './state.js';

/** After its request was accepted: account and marketing actions claimed, target proven. */
export interface CreateDestination {
  readonly type: 'CreateDestination';
  readonly requestId: string;
  readonly destinationId: string;
  readonly accountId: string;
  readonly destinationType: string;
  readonly delivers: 'files' | 'events';
  readonly name: string;
  readonly description: string;
  readonly marketingActions: readonly string[];
  readonly target: OpenFields;
  readonly files: FilesOptions | null;
  readonly validationId: string;
  readonly findings: Findings;
}
/** What is left out stays. */
export interface ReviseDestination {
  readonly type: 'ReviseDestination';
  readonly name?: string;
  readonly description?: string;
}
/** After the target was proven. */
export interface ChangeTarget {
  readonly type: 'ChangeTarget';
  readonly requestId: string;
  readonly target: OpenFields;
  readonly validationId: string;
  readonly findings: Findings;
}
/** After the actions were claimed. */
export interface ChangeMarketingActions {
  readonly type: 'ChangeMarketingActions';
  readonly requestId: string;
  readonly marketingActions: readonly string[];
}
/** Switches a segment on, or changes the schedule or the file name of one that is. */
export interface ActivateSegment extends ActivationInput {
  readonly type: 'ActivateSegment';
  readonly at: string;
  readonly scope: Scope;
  /** The folder of a segment's files in the destination's target; unused for what delivers events. */
  readonly folderOf: (segment: Segment) => string;
}
export interface DeactivateSegment {
  readonly type: 'DeactivateSegment';
  readonly segmentId: string;
}
export interface ChangeMapping {
  readonly type: 'ChangeMapping';
  readonly fields: readonly MappingFieldInput[];
  readonly at: string;
}
export interface DisableDestination {
  readonly type: 'DisableDestination';
}
export interface EnableDestination {
  readonly type: 'EnableDestination';
  readonly at: string;
}
export interface DeleteDestination {
  readonly type: 'DeleteDestination';
}

export type DestinationCommand =
  | CreateDestination
  | ReviseDestination
  | ChangeTarget
  | ChangeMarketingActions
  | ActivateSegment
  | DeactivateSegment
  | ChangeMapping
  | DisableDestination
  | EnableDestination
  | DeleteDestination;

export const destinationNotFound = (): WaybillError =>
  new WaybillError('destination-not-found', 'not-found', 'There is no such destination. It may have been deleted.');

const existing = (state: DestinationState): Destination => {
  if (state.status === 'none' || state.status === 'deleted') throw destinationNotFound();
  return state;
};

const create = (command: CreateDestination, state: DestinationState): readonly DestinationEvent[] => {
  if (state.status !== 'none') {
    if (state.requestId === command.requestId) return [];
    throw new WaybillError('destination-exists', 'conflict', 'There is a destination with this id already.');
  }
  const { type: _, destinationType, ...data } = command;
  return [{ type: 'DestinationCreated', data: { ...data, type: destinationType } }];
};

const revise = (command: ReviseDestination, state: DestinationState): readonly DestinationEvent[] => {
  const destination = existing(state);
  const { name = destination.name, description = destination.description } = command;
  if (name === destination.name && description === destination.description) return [];
  return [{ type: 'DestinationRevised', data: { name, description } }];
};

const changeTarget = (command: ChangeTarget, state: DestinationState): readonly DestinationEvent[] => {
  const { type: _, ...data } = command;
  return existing(state).validationId === data.validationId ? [] : [{ type: 'TargetChanged', data }];
};

const sameNames = (a: readonly string[], b: readonly string[]): boolean =>
  canonicalJson([...a].sort()) === canonicalJson([...b].sort());

const changeMarketingActions = (
  command: ChangeMarketingActions,
  state: DestinationState,
): readonly DestinationEvent[] => {
  const { requestId, marketingActions } = command;
  if (sameNames(existing(state).marketingActions, marketingActions)) return [];
  return [{ type: 'MarketingActionsChanged', data: { requestId, marketingActions } }];
};

const namingOf = ({ segmentId, segmentName, schedule, fileName }: ActiveSegment): Naming => ({
  segment: { id: segmentId, name: segmentName },
  schedule,
  fileName,
});

/** The file name to record; empty where there are no files. */
const checkedFileName = (
  command: ActivateSegment,
  destination: Destination,
  current: ActiveSegment | undefined,
): string => {
  const { scope, at, folderOf } = command;
  const { files, activations, destinationId: id, name, type } = destination;
  if (!files) {
    checkLiveActivation(command);
    return '';
  }
  const others = activations.filter((active) => active !== current).map(namingOf);
  const context = { scope, at, folderOf, destination: { id, name, type } };
  return checkActivation(command, files, current && namingOf(current), others, context).fileName;
};

const activate = (command: ActivateSegment, state: DestinationState): readonly DestinationEvent[] => {
  const destination = existing(state);
  const { segment, schedule, at } = command;
  const current = destination.activations.find(({ segmentId }) => segmentId === segment.id);
  const fileName = checkedFileName(command, destination, current);
  const data = { segmentId: segment.id, segmentName: segment.name, schedule, fileName };
  if (!current) return [{ type: 'SegmentActivated', data: { ...data, activatedAt: at } }];
  const isSame = current.fileName === fileName && canonicalJson(current.schedule) === canonicalJson(schedule);
  return isSame ? [] : [{ type: 'ScheduleChanged', data: { ...data, changedAt: at } }];
};

const deactivate = ({ segmentId }: DeactivateSegment, state: DestinationState): readonly DestinationEvent[] => {
  const isActive = existing(state).activations.some((active) => active.segmentId === segmentId);
  if (isActive) return [{ type: 'SegmentDeactivated', data: { segmentId } }];
  throw new WaybillError(
    'segment-not-activated',
    'not-found',
    `The segment "${segmentId}" is not activated for this destination.`,
  );
};

const changeMapping = (command: ChangeMapping, state: DestinationState): readonly DestinationEvent[] => {
  const { mapping, delivers } = existing(state);
  const fields = delivers === 'events' ? checkEventMapping(command.fields) : checkMapping(command.fields);
  if (canonicalJson(fields) === canonicalJson(mapping.fields)) return [];
  return [{ type: 'MappingChanged', data: { revision: mapping.revision + 1, fields, changedAt: command.at } }];
};

const disable = (state: DestinationState): readonly DestinationEvent[] =>
  existing(state).status === 'disabled' ? [] : [{ type: 'DestinationDisabled', data: {} }];

const enable = ({ at }: EnableDestination, state: DestinationState): readonly DestinationEvent[] =>
  existing(state).status === 'enabled' ? [] : [{ type: 'DestinationEnabled', data: { enabledAt: at } }];

const remove = (state: DestinationState): readonly DestinationEvent[] => {
  existing(state);
  return [{ type: 'DestinationDeleted', data: {} }];
};

/** A disabled destination can be changed in every way; what it does not do is deliver. */
export const decide = (command: DestinationCommand, state: DestinationState): readonly DestinationEvent[] => {
  switch (command.type) {
    case 'CreateDestination':
      return create(command, state);
    case 'ReviseDestination':
      return revise(command, state);
    case 'ChangeTarget':
      return changeTarget(command, state);
    case 'ChangeMarketingActions':
      return changeMarketingActions(command, state);
    case 'ActivateSegment':
      return activate(command, state);
    case 'DeactivateSegment':
      return deactivate(command, state);
    case 'ChangeMapping':
      return changeMapping(command, state);
    case 'DisableDestination':
      return disable(state);
    case 'EnableDestination':
      return enable(command, state);
    case 'DeleteDestination':
      return remove(state);
  }
};
