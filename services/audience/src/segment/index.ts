import { type Decider, type DomainEvent, unreachable } from '@waybill/kernel';

interface Named {
  readonly segmentId: string;
  readonly name: string;
  readonly description: string;
}

/** A load as it is recorded: facts about it, none of its rows. */
export interface Load {
  readonly mode: 'merge' | 'replace';
  readonly received: number;
  readonly accepted: number;
  readonly entered: number;
  readonly exited: number;
  readonly unchanged: number;
  readonly rejected: number;
  /** Of the upload, hex. */
  readonly sha256: string;
}

export type SegmentEvent =
  | DomainEvent<'SegmentDefined', Named>
  | DomainEvent<'SegmentRevised', Named>
  | DomainEvent<'SegmentLoaded', Load & { readonly segmentId: string }>;

export type SegmentState = { readonly status: 'none' } | ({ readonly status: 'defined' } & Named);

/** Defines a segment, or revises the one that is there; what is left out stays. */
export interface DefineSegment {
  readonly type: 'DefineSegment';
  readonly segmentId: string;
  readonly name: string;
  readonly description?: string;
}
export interface RecordLoad {
  readonly type: 'RecordLoad';
  readonly load: Load;
}
export type SegmentCommand = DefineSegment | RecordLoad;

const define = ({ segmentId, name, description }: DefineSegment, state: SegmentState): readonly SegmentEvent[] => {
  if (state.status === 'none')
    return [{ type: 'SegmentDefined', data: { segmentId, name, description: description ?? '' } }];
  const revised = { segmentId, name, description: description ?? state.description };
  const isSame = state.name === revised.name && state.description === revised.description;
  return isSame ? [] : [{ type: 'SegmentRevised', data: revised }];
};

const decide = (command: SegmentCommand, state: SegmentState): readonly SegmentEvent[] => {
  switch (command.type) {
    case 'DefineSegment':
      return define(command, state);
    case 'RecordLoad':
      return state.status === 'none'
        ? []
        : [{ type: 'SegmentLoaded', data: { segmentId: state.segmentId, ...command.load } }];
  }
};

const evolve = (state: SegmentState, event: SegmentEvent): SegmentState => {
  switch (event.type) {
    case 'SegmentDefined':
    case 'SegmentRevised': {
      const { segmentId, name, description } = event.data;
      return { status: 'defined', segmentId, name, description };
    }
    case 'SegmentLoaded':
      return state;
    default:
      return unreachable(event, state);
  }
};

export const SEGMENT = 'segment';

export const segmentDecider: Decider<SegmentState, SegmentCommand, SegmentEvent> = {
  initialState: { status: 'none' },
  decide,
  evolve,
};
