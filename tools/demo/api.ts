/** A small client of the HTTP contract: JSON in, JSON out, problems as errors. */
export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** A `application/problem+json` answer. */
export class ProblemAnswer extends Error {
  constructor(
    readonly status: number,
    readonly problem: { type: string; title: string; detail: string; checks?: readonly CheckView[] },
  ) {
    super(`${status} ${problem.title}: ${problem.detail}`);
  }
}

export interface CheckView {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly message: string;
  readonly remedy: string;
}

export type Api = ReturnType<typeof createApi>;

export const createApi = (address: string) => {
  const call = async <T>(method: string, path: string, init: RequestInit = {}): Promise<Answer<T>> => {
    const response = await fetch(`${address}${path}`, {
      ...init,
      method,
      headers: { 'x-actor': 'demo', ...init.headers },
    });
    const text = await response.text();
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    if (!response.ok) throw new ProblemAnswer(response.status, body as ProblemAnswer['problem']);
    return { status: response.status, headers: response.headers, body: body as T };
  };
  const json = <T>(method: string, path: string, body: unknown) =>
    call<T>(method, path, { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
  return {
    get: async <T>(path: string) => (await call<T>('GET', path)).body,
    post: async <T>(path: string, body: unknown = {}) => (await json<T>('POST', path, body)).body,
    put: async <T>(path: string, body: unknown) => (await json<T>('PUT', path, body)).body,
    upload: async <T>(path: string, type: string, body: ReadableStream) =>
      (await call<T>('POST', path, { body, headers: { 'content-type': type }, duplex: 'half' })).body,
  };
};
