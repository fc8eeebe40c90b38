import type { StreamType } from '@waybill/event-store';
import { streamName } from '@waybill/kernel';
import { RUN, type RunCommand, runDecider, type RunEvent, type RunState } from './run/index.js';

export const runStream: StreamType<RunState, RunCommand, RunEvent> = { category: RUN, decider: runDecider };

export const runStreamOf = (runId: string): string => streamName(RUN, runId);
