import { WaybillError } from '@waybill/kernel';
import type { Problem } from '../checklist.js';
import { HostError } from '../network.js';
import { plain } from '../plain.js';
import type { CheckCode } from '../port.js';

/** What went wrong at the partner, in the words of a report; told as a check by proofs and as an error by the sink. */
export class SftpFailure extends Error implements Problem {
  constructor(
    readonly code: CheckCode,
    message: string,
    readonly remedy: string,
    /** The server's or the system's own code, such as `SSH_FX_FAILURE` or `ECONNREFUSED`. */
    readonly provider: string = '',
  ) {
    super(message);
    this.name = 'SftpFailure';
  }
}

/** Status codes of SFTP version 3, and of later versions where version 3 servers borrow them. */
const STATUS: Readonly<Record<number, { readonly name: string; readonly code: CheckCode; readonly remedy: string }>> = {
  1: { name: 'SSH_FX_EOF', code: 'unexpected', remedy: '' },
  2: {
    name: 'SSH_FX_NO_SUCH_FILE',
    code: 'not-found',
    remedy: 'Ask the partner to create it, or name another folder.',
  },
  3: {
    name: 'SSH_FX_PERMISSION_DENIED',
    code: 'permission-denied',
    remedy: 'Ask the partner to grant this user the right to do so in this folder.',
  },
  4: { name: 'SSH_FX_FAILURE', code: 'unexpected', remedy: 'Ask the partner what their server log says about it.' },
  8: {
    name: 'SSH_FX_OP_UNSUPPORTED',
    code: 'not-supported',
    remedy: 'Ask the partner to allow this operation on their server.',
  },
  14: { name: 'SSH_FX_NO_SPACE_ON_FILESYSTEM', code: 'storage-full', remedy: '' },
  15: { name: 'SSH_FX_QUOTA_EXCEEDED', code: 'storage-full', remedy: '' },
};

const FULL = /no space|disk (?:is )?full|quota|ENOSPC|EDQUOT/i;
const FREE_SPACE = "Ask the partner to free space or raise this user's quota.";

export const storageFull = (call: string, path: string, provider: string): SftpFailure =>
  new SftpFailure('storage-full', `The server has no space left: ${call} on "${path}" failed.`, FREE_SPACE, provider);

/** Where the code itself says nothing, the text may; it may also repeat the path, which says nothing about the disk. */
const saysFull = (text: string, path: string): boolean =>
  FULL.test(path.split('/').reduce((rest, name) => (name ? rest.replaceAll(name, '') : rest), text));

/** The failure that a status reply stands for. */
export const statusFailure = (call: string, path: string, status: number, text: string): SftpFailure => {
  const known = STATUS[status];
  const provider = known?.name ?? `SSH_FX_${status}`;
  const full =
    known?.code === 'storage-full' || ((known?.code ?? 'unexpected') === 'unexpected' && saysFull(text, path));
  if (full) return storageFull(call, path, provider);
  return new SftpFailure(
    known?.code ?? 'unexpected',
    `The server refused ${call} on "${path}": ${plain(text)}.`,
    known?.remedy ?? 'Ask the partner what their server log says about it.',
    provider,
  );
};

export const timedOut = (what: string, milliseconds: number): SftpFailure =>
  new SftpFailure(
    'timed-out',
    `The server did not answer within ${milliseconds / 1000} s: ${what}.`,
    'Try again later; if it stays so, ask the partner whether the server is overloaded or a firewall is in between.',
    'ETIMEDOUT',
  );

export const connectionLost = (cause?: NodeJS.ErrnoException): SftpFailure =>
  new SftpFailure(
    'unreachable',
    `The connection was lost${cause ? `: ${plain(cause.message)}` : ''}.`,
    'Try again; if it stays so, ask the partner whether the server limits connections or a firewall cuts them.',
    String(cause?.code ?? 'ECONNRESET'),
  );

export const notSftp = (what: string): SftpFailure =>
  new SftpFailure(
    'not-supported',
    `What the server sends is no SFTP: ${what}.`,
    'Ask the partner whether a login script prints something before SFTP starts.',
  );

/** What any error of this folder means, for a check. */
export const problemOf = (error: unknown): Problem => {
  if (error instanceof SftpFailure)
    return {
      code: error.code,
      message: error.message,
      remedy: error.remedy,
      ...(error.provider ? { provider: error.provider } : {}),
    };
  if (error instanceof HostError)
    return {
      code: error.code,
      message: error.message,
      remedy: error.remedy,
      ...(error.providerCode ? { provider: error.providerCode } : {}),
    };
  throw error;
};

const SLUGS: Partial<Record<CheckCode, string>> = {
  'permission-denied': 'partner-permission-denied',
  'storage-full': 'partner-storage-full',
  'host-key-changed': 'host-key-changed',
  unreachable: 'partner-unavailable',
  'timed-out': 'partner-timeout',
};

/** The same as an error of the sink (FileSink); anything else is handed on as it is. */
export const toWaybillError = (error: unknown): unknown => {
  if (!(error instanceof SftpFailure || error instanceof HostError)) return error;
  const { code, message, remedy } = problemOf(error);
  const kind = code === 'unreachable' || code === 'timed-out' ? 'unavailable' : 'refused';
  return new WaybillError(SLUGS[code] ?? 'partner-rejected', kind, remedy ? `${message} ${remedy}` : message, {
    cause: error,
  });
};
