import { setTimeout as sleep } from 'node:timers/promises';
import { comparePositions } from '@waybill/event-store';

/** `application/problem+json`. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly fields?: readonly { readonly path: string; readonly message: string }[];
  readonly checks?: readonly CheckView[];
  readonly [extra: string]: unknown;
}

export interface CheckView {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly call: string;
  readonly resource: string;
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly durationMs: number;
  readonly optional?: boolean;
}

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  /** As it came. */
  readonly text: string;
  /** The JSON in it; undefined when there is none. */
  readonly body: T;
  /** The same, for answers that are problems. */
  readonly problem: Problem;
}

type Headers_ = Readonly<Record<string, string>>;

/** The HTTP contract, one call at a time: whatever the answer is, it is an answer. */
export interface Api {
  get<T = unknown>(path: string, headers?: Headers_): Promise<Answer<T>>;
  post<T = unknown>(path: string, body?: unknown, headers?: Headers_): Promise<Answer<T>>;
  put<T = unknown>(path: string, body?: unknown, headers?: Headers_): Promise<Answer<T>>;
  patch<T = unknown>(path: string, body?: unknown, headers?: Headers_): Promise<Answer<T>>;
  delete<T = unknown>(path: string, headers?: Headers_): Promise<Answer<T>>;
  /** A body that is no JSON, or broken on purpose. */
  send<T = unknown>(
    method: string,
    path: string,
    body: NonNullable<RequestInit['body']> | undefined,
    headers?: Headers_,
  ): Promise<Answer<T>>;
}

type Ask = <T>(
  method: string,
  path: string,
  body?: NonNullable<RequestInit['body']>,
  headers?: Headers_,
) => Promise<Answer<T>>;

/** As a client that knows nothing of positions: a list may lag behind what was answered before. */
export const simpleApiOf = (address: () => string, own: Headers_): Api => callsOf(askingAt(address, own));

/** As a client that asks for lists with the last position that their service answered with, so that they show it. */
export const apiOf = (address: () => string, own: Headers_): Api => {
  const ask = askingAt(address, own);
  const reached = new Map<string, string>();
  return callsOf(async <T>(...[method, path, body, headers = {}]: Parameters<Ask>) => {
    const owner = ownerOf(path);
    const position = method === 'GET' && LIST.test(path) && !('x-min-position' in headers) && reached.get(owner);
    const patience = Date.now() + PATIENCE_MS;
    for (;;) {
      const answer = await ask<T>(method, path, body, position ? { 'x-min-position': position, ...headers } : headers);
      const isBehind = position && answer.problem?.type === '/problems/projection-behind';
      if (isBehind && Date.now() < patience) {
        await sleep(Number(answer.headers.get('retry-after')) * 1_000);
        continue;
      }
      const answered = answer.headers.get('x-position');
      if (answered !== null && comparePositions(answered, reached.get(owner) ?? '0') > 0) reached.set(owner, answered);
      return answer;
    }
  });
};

const PATIENCE_MS = 60_000;
const LIST = /^\/v1\/(accounts|destinations|segments|marketing-actions|runs)(\?|$)/;

/** Positions are a service's own: those of deliveries are not those of destinations, though their paths begin alike. */
const ownerOf = (path: string): string =>
  /^\/v1\/destinations\/[^/]+\/(runs|previews|dead-letters|redeliveries)\b/.test(path)
    ? 'runs'
    : (path.split(/[/?]/)[2] ?? '');

const askingAt =
  (address: () => string, own: Headers_): Ask =>
  async <T>(...[method, path, body, headers = {}]: Parameters<Ask>) => {
    const response = await fetch(`${address()}${path}`, {
      method,
      headers: { ...own, ...headers },
      ...(body === undefined ? {} : { body }),
      ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
    });
    const text = await response.text();
    const isJson = /\bjson\b/.test(response.headers.get('content-type') ?? '');
    const parsed: unknown = isJson ? JSON.parse(text) : undefined;
    const { status, headers: answered } = response;
    return { status, headers: answered, text, body: parsed as T, problem: parsed as Problem };
  };

const callsOf = (send: Ask): Api => {
  const json =
    (method: string) =>
    <T>(path: string, body?: unknown, headers: Headers_ = {}) =>
      body === undefined
        ? send<T>(method, path, undefined, headers)
        : send<T>(method, path, JSON.stringify(body), { 'content-type': 'application/json', ...headers });
  return {
    get: (path, headers) => send('GET', path, undefined, headers),
    post: json('POST'),
    put: json('PUT'),
    patch: json('PATCH'),
    delete: (path, headers) => send('DELETE', path, undefined, headers),
    send,
  };
};
