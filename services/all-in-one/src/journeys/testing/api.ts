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

/** Positions are a service's own: those of deliveries are not those of destinations, though their paths begin alike. */
const ownerOf = (path: string): string =>
  /^\/v1\/destinations\/[^/]+\/(runs|previews|dead-letters|redeliveries)\b/.test(path)
    ? 'runs'
    : (path.split(/[/?]/)[2] ?? '');

const LIST = /^\/v1\/(accounts|destinations|segments|marketing-actions|runs)(\?|$)/;

/**
 * A list may lag behind what was answered before, so a client asks for it with the last position that the list's service
 * answered it with. This one does, wherever a test says nothing else.
 */
const listsShowWhatWasAnswered = () => {
  const reached = new Map<string, string>();
  return {
    seen(path: string, position: string | null): void {
      const before = reached.get(ownerOf(path)) ?? '0';
      if (position !== null && comparePositions(position, before) > 0) reached.set(ownerOf(path), position);
    },
    headersFor(method: string, path: string): Headers_ {
      const position = reached.get(ownerOf(path));
      return method === 'GET' && LIST.test(path) && position !== undefined ? { 'x-min-position': position } : {};
    },
  };
};

export const apiOf = (address: () => string, own: Headers_): Api => {
  const bridge = listsShowWhatWasAnswered();
  const send = async <T>(
    method: string,
    path: string,
    body: NonNullable<RequestInit['body']> | undefined,
    headers: Headers_ = {},
  ): Promise<Answer<T>> => {
    const response = await fetch(`${address()}${path}`, {
      method,
      headers: { ...bridge.headersFor(method, path), ...own, ...headers },
      ...(body === undefined ? {} : { body }),
      ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
    });
    bridge.seen(path, response.headers.get('x-position'));
    const text = await response.text();
    const isJson = /\bjson\b/.test(response.headers.get('content-type') ?? '');
    const parsed: unknown = isJson ? JSON.parse(text) : undefined;
    const { status, headers: answered } = response;
    return { status, headers: answered, text, body: parsed as T, problem: parsed as Problem };
  };
  const json =
    (method: string) =>
    <T>(path: string, body: unknown, headers: Headers_ = {}) =>
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
