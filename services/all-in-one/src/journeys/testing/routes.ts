import type { Api } from './api.js';

/** A route as `/openapi.json` tells of it. */
export interface Route {
  readonly method: string;
  /** `/v1/accounts/{id}`. */
  readonly path: string;
}

/** Health tells no tenant's secrets; everything else wants to know who is asking. */
const PUBLIC = /^\/health\//;

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>>;
}

/** Every route that needs a caller. */
export const routesOf = async (api: Api): Promise<readonly Route[]> => {
  const { body } = await api.get<Document>('/openapi.json');
  return Object.entries(body.paths)
    .filter(([path]) => !PUBLIC.test(path))
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })));
};

/** A body that is right for a route, so that nothing but the caller can be wrong with it. */
export type Bodies = Readonly<Record<string, { readonly type: string; readonly content: string }>>;

/** Calls a route with its parameters filled in; a stream of events is cut after its head. */
export const call = async (
  address: string,
  { method, path }: Route,
  parameters: Readonly<Record<string, string>>,
  bodies: Bodies,
  headers: Readonly<Record<string, string>>,
): Promise<{ status: number; headers: Headers; text: string }> => {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(parameters[name] ?? `no-${name}`),
  );
  const body = bodies[`${method} ${path}`];
  const response = await fetch(
    `${address}${filled}${method === 'POST' && path.endsWith('/members') ? '?identity=email' : ''}`,
    {
      method,
      headers: { ...(body ? { 'content-type': body.type } : {}), ...headers },
      ...(body ? { body: body.content } : {}),
    },
  );
  if (response.headers.get('content-type') === 'text/event-stream') {
    await response.body?.cancel();
    return { status: response.status, headers: response.headers, text: '' };
  }
  return { status: response.status, headers: response.headers, text: await response.text() };
};
