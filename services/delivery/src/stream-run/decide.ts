import type { RunCounts } from '@waybill/contracts';
import { canonicalJson, WaybillError } from '@waybill/kernel';
import type { StreamRunEvent } from './events.js';
import type { StreamRunState } from './state.js';

export interface StartStreamRun {
  readonly type: 'StartStreamRun';
  readonly runId: string;
  readonly destinationId: string;
  readonly destinationName: string;
  readonly segmentIds: readonly string[];
  readonly from: string;
  readonly to: string;
  readonly at: string;
}

export interface ReportStreamRun {
  readonly type: 'ReportStreamRun';
  readonly counts: RunCounts;
  readonly segmentIds: readonly string[];
}

export interface CompleteStreamRun {
  readonly type: 'CompleteStreamRun';
  readonly counts: RunCounts;
  readonly at: string;
}

export type StreamRunCommand = StartStreamRun | ReportStreamRun | CompleteStreamRun;

/** Whoever keeps the runs may die at any step, so each may be asked for again. */
export const decide = (command: StreamRunCommand, state: StreamRunState): readonly StreamRunEvent[] => {
  if (command.type === 'StartStreamRun') {
    if (state.status !== 'none') return [];
    const { type: _, at, ...begun } = command;
    return [{ type: 'StreamRunStarted', data: { ...begun, startedAt: at } }];
  }
  if (state.status === 'none') throw new WaybillError('run-not-found', 'not-found', 'There is no such run.');
  if (state.status === 'completed') return [];
  if (command.type === 'CompleteStreamRun') {
    return [{ type: 'StreamRunCompleted', data: { counts: command.counts, finishedAt: command.at } }];
  }
  const segmentIds = [...new Set([...state.segmentIds, ...command.segmentIds])];
  const isNews = canonicalJson([state.counts, state.segmentIds]) !== canonicalJson([command.counts, segmentIds]);
  return isNews ? [{ type: 'StreamRunProgressed', data: { counts: command.counts, segmentIds } }] : [];
};
