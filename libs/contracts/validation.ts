import Type from 'typebox';
import { CredentialsToProve } from './account.js';
import { defineCommand, defineEvent, defineQuestion } from './define.js';
import { Check, Findings, HostKey, Id, OpenFields, Revision, Time } from './shapes.js';

/** Test an account again. Outcome: `CredentialsValidated` or `CredentialsRejected` with this `validationId`. */
export const ProveAccount = defineCommand('validation', 'ProveAccount', CredentialsToProve);

/**
 * Prove a target, before a destination takes it or again. Outcome: `TargetValidated` or `TargetRejected` with this
 * `validationId`. `testRecord`: leave one marked record (test-record.ts) in the stream or the hub.
 */
export const ProveTarget = defineCommand(
  'validation',
  'ProveTarget',
  Type.Object({
    ...CredentialsToProve.properties,
    destinationId: Id,
    target: OpenFields,
    testRecord: Type.Optional(Type.Boolean()),
  }),
);

const report = {
  validationId: Id,
  revision: Revision,
  accountId: Id,
  startedAt: Time,
  finishedAt: Time,
  checks: Type.Array(Check),
};

export const CredentialsValidated = defineEvent(
  'validation',
  'CredentialsValidated',
  Type.Object({ ...report, findings: Findings }),
);
export const CredentialsRejected = defineEvent(
  'validation',
  'CredentialsRejected',
  Type.Object({ ...report, unconfirmedHostKey: Type.Optional(HostKey) }),
);
export const TargetValidated = defineEvent(
  'validation',
  'TargetValidated',
  Type.Object({ ...report, destinationId: Id, findings: Findings }),
);
export const TargetRejected = defineEvent(
  'validation',
  'TargetRejected',
  Type.Object({ ...report, destinationId: Id, unconfirmedHostKey: Type.Optional(HostKey) }),
);

/** How far a validation is; `passed` or `failed` when it has ended. Refused with `validation-not-found`. */
export const DescribeValidation = defineQuestion(
  'validation',
  'DescribeValidation',
  Type.Object({ validationId: Id }),
  Type.Object({
    validationId: Id,
    outcome: Type.Enum(['pending', 'passed', 'failed']),
    startedAt: Type.Union([Time, Type.Null()]),
    finishedAt: Type.Union([Time, Type.Null()]),
    checks: Type.Array(Check),
  }),
);
