import { Checklist } from '../checklist.js';
import type { Credentials, Environment, Proof } from '../port.js';
import { connectSftp, type Step, type StepName, UnconfirmedHostKey } from './connection.js';
import type { Deadlines } from './deadlines.js';
import { problemOf } from './failure.js';
import type { HostKey } from './host-key.js';
import type { SftpSession } from './session.js';
import { addressOf } from './spec.js';

const CALLS: Readonly<Record<StepName, string>> = {
  reach: 'connect',
  transport: 'SSH_MSG_KEXINIT',
  'host-key': 'SSH_MSG_KEX_ECDH_REPLY',
  authenticate: 'SSH_MSG_USERAUTH_REQUEST',
  'open-sftp': 'SSH_FXP_INIT',
};

export interface CheckedConnection {
  /** Undefined when a step failed; the checks say which. */
  readonly session?: SftpSession;
  readonly hostKey?: Required<HostKey>;
  readonly unconfirmedHostKey?: Required<HostKey>;
}

/** Connects, and notes every step; those after a failed one as skipped. */
export const connectWithChecks = async (
  checks: Checklist,
  credentials: Credentials,
  environment: Environment,
  deadlines: Deadlines,
): Promise<CheckedConnection> => {
  const resource = `sftp://${addressOf(credentials.authentication)}`;
  const left = new Set(Object.keys(CALLS) as StepName[]);
  let failure: unknown;
  const step: Step = async (name, work, passed) => {
    left.delete(name);
    const outcome = await checks.run({ name, call: CALLS[name], resource }, work, passed);
    if (outcome.passed) return outcome.value;
    failure = outcome.error;
    throw failure;
  };
  try {
    return await connectSftp(credentials, environment, deadlines, step);
  } catch (error) {
    if (error !== failure) throw error;
    const why =
      error instanceof UnconfirmedHostKey
        ? 'Not tried: nothing secret is sent before the host key is confirmed.'
        : 'Not tried, since an earlier check failed.';
    for (const name of left) checks.skipped({ name, call: CALLS[name], resource }, why);
    return error instanceof UnconfirmedHostKey ? { unconfirmedHostKey: error.hostKey } : {};
  }
};

export const proveSftpCredentials = async (
  credentials: Credentials,
  environment: Environment,
  deadlines: Deadlines,
): Promise<Proof> => {
  const checks = new Checklist(problemOf);
  const { session, hostKey, unconfirmedHostKey } = await connectWithChecks(checks, credentials, environment, deadlines);
  await session?.end();
  const findings =
    session && hostKey
      ? { hostKey: hostKey.fingerprint, hostKeyAlgorithm: hostKey.algorithm, ...session.capabilities }
      : {};
  return { ...checks.proof(findings), ...(unconfirmedHostKey ? { unconfirmedHostKey } : {}) };
};
