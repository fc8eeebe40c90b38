import type { StreamType } from '@waybill/event-store';
import { streamName } from '@waybill/kernel';
import { DISCARD, type DiscardCommand, discardDecider, type DiscardEvent, type DiscardState } from './discard/index.js';
import {
  REDELIVERY,
  type RedeliveryCommand,
  redeliveryDecider,
  type RedeliveryEvent,
  type RedeliveryState,
} from './redelivery/index.js';
import { RUN, type RunCommand, runDecider, type RunEvent, type RunState } from './run/index.js';
import {
  STREAM_RUN,
  type StreamRunCommand,
  streamRunDecider,
  type StreamRunEvent,
  type StreamRunState,
} from './stream-run/index.js';

export const runStream: StreamType<RunState, RunCommand, RunEvent> = { category: RUN, decider: runDecider };

export const runStreamOf = (runId: string): string => streamName(RUN, runId);

export const streamRunStream: StreamType<StreamRunState, StreamRunCommand, StreamRunEvent> = {
  category: STREAM_RUN,
  decider: streamRunDecider,
};

export const streamRunStreamOf = (runId: string): string => streamName(STREAM_RUN, runId);

export const redeliveryStream: StreamType<RedeliveryState, RedeliveryCommand, RedeliveryEvent> = {
  category: REDELIVERY,
  decider: redeliveryDecider,
};

export const redeliveryStreamOf = (redeliveryId: string): string => streamName(REDELIVERY, redeliveryId);

export const discardStream: StreamType<DiscardState, DiscardCommand, DiscardEvent> = {
  category: DISCARD,
  decider: discardDecider,
};

export const discardStreamOf = (discardId: string): string => streamName(DISCARD, discardId);
