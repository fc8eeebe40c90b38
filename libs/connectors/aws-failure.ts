import type { CheckCode } from './port.js';

/** What the SDK throws, as far as we look at it; it exports no such type that covers sockets and services alike. */
export interface ThrownBySdk {
  readonly name?: string;
  readonly message?: string;
  /** Of Node's sockets: `ECONNREFUSED`. */
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly statusCode?: number; readonly headers?: Readonly<Record<string, string>> };
}

export const thrownBySdk = (error: unknown): ThrownBySdk => (typeof error === 'object' && error !== null ? error : {});

/** The HTTP status of an answer, 0 when there was none. */
export const statusOf = (error: unknown): number => {
  const { $metadata, $response } = thrownBySdk(error);
  return $metadata?.httpStatusCode ?? $response?.statusCode ?? 0;
};

/** An abort that the caller did not ask for (that is looked at before) is a deadline of ours. */
const isTimeout = ({ name, code }: ThrownBySdk): boolean =>
  code === 'ETIMEDOUT' || name === 'AbortError' || (name === 'TimeoutError' && code === undefined);

/** What an error means, whatever it was met at. */
export interface Rule {
  readonly code: CheckCode;
  readonly message: string;
  readonly remedy: string;
}

const isTls = (code: string): boolean => /CERT|SELF_SIGNED|UNABLE_TO|^ERR_(?:TLS|SSL)|^EPROTO$/.test(code);

const ofConnection = (code: string): Rule => ({
  code: 'unreachable',
  message: isTls(code)
    ? `No secure connection could be made (${code}).`
    : `No connection could be made or kept (${code}).`,
  remedy: isTls(code)
    ? "Check that the endpoint speaks https, and that its certificate is valid for the host's name."
    : 'Check the endpoint, its port and any firewall in between.',
});

export const TIMED_OUT: Rule = {
  code: 'timed-out',
  message: 'The server did not answer in time.',
  remedy: 'Check the endpoint and its port; a firewall may drop what we send. If they are right, try again later.',
};

/** Why no answer came; undefined when one did, or when nothing tells. */
export const silenceRule = (error: unknown): Rule | undefined => {
  const thrown = thrownBySdk(error);
  if (statusOf(error) !== 0) return undefined;
  if (isTimeout(thrown)) return TIMED_OUT;
  return thrown.code === undefined ? undefined : ofConnection(thrown.code);
};
