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

export const apiOf = (address: () => string, own: Headers_): Api => {
  const send = async <T>(
    method: string,
    path: string,
    body: NonNullable<RequestInit['body']> | undefined,
    headers: Headers_ = {},
  ): Promise<Answer<T>> => {
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
