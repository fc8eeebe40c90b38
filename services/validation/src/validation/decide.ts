import type { Check, Findings, HostKey } from '@waybill/contracts';
import { WaybillError } from '@waybill/kernel';
import type { Claim, ValidationEvent } from './events.js';
import type { ValidationState } from './state.js';

export interface RequestValidation {
  readonly type: 'RequestValidation';
  readonly validationId: string;
  readonly claim: Claim;
}
export interface RecordReport {
  readonly type: 'RecordReport';
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly outcome: 'passed' | 'failed';
  readonly checks: readonly Check[];
  readonly findings: Findings;
  readonly unconfirmedHostKey?: HostKey;
}
export type ValidationCommand = RequestValidation | RecordReport;

/** Providers answer with whole HTML pages at times; a report must fit into one event. */
const MAX_TEXT = 500;
const clip = (text: string): string => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1)}…` : text);
const clipped = (check: Check): Check => ({
  ...check,
  resource: clip(check.resource),
  code: clip(check.code),
  message: clip(check.message),
  remedy: clip(check.remedy),
});

/** A request that comes again changes nothing: it is delivered at least once. */
const request = ({ validationId, claim }: RequestValidation, state: ValidationState): readonly ValidationEvent[] =>
  state.status === 'none' ? [{ type: 'ValidationRequested', data: { validationId, ...claim } }] : [];

const record = (command: RecordReport, state: ValidationState): readonly ValidationEvent[] => {
  if (state.status === 'none') {
    throw new WaybillError('validation-not-found', 'not-found', 'There is no such validation.');
  }
  if (state.status !== 'requested') return [];
  const { startedAt, finishedAt, findings, unconfirmedHostKey } = command;
  const report = { startedAt, finishedAt, checks: command.checks.map(clipped) };
  const ofTarget = state.claim.subject.kind === 'target';
  if (command.outcome === 'passed') {
    return [{ type: ofTarget ? 'TargetValidated' : 'CredentialsValidated', data: { ...report, findings } }];
  }
  const failed = { ...report, ...(unconfirmedHostKey && { unconfirmedHostKey }) };
  return [{ type: ofTarget ? 'TargetRejected' : 'CredentialsRejected', data: failed }];
};

export const decide = (command: ValidationCommand, state: ValidationState): readonly ValidationEvent[] => {
  switch (command.type) {
    case 'RequestValidation':
      return request(command, state);
    case 'RecordReport':
      return record(command, state);
  }
};
