import { Ajv, type ValidateFunction } from 'ajv';
import type { Answer, Api } from './api.js';

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

interface Operation {
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema: object }>> }>>;
}

/** The answers that `/openapi.json` declares, and those that came. */
export interface Declared {
  /** As the one that was given; an answer that is not as its route declares it is an error. */
  readonly api: Api;
  /** Routes that answered nothing good so far: `GET /v1/runs`. */
  unheard(): readonly string[];
}

export const declaredAnswersOf = async (api: Api): Promise<Declared> => {
  const { body: document } = await api.get<Document>('/openapi.json');
  const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      pattern: new RegExp(`^${method.toUpperCase()} ${path.replaceAll(/\{\w+\}/g, '[^/?]+')}(\\?.*)?$`),
      operation,
    })),
  );
  const { Problem: problem = {}, ...answered } = document.components.schemas;
  const components = { schemas: { ...(closed(answered) as object), Problem: problem } };
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  const compiled = new Map<object, ValidateFunction>();
  const heard = new Set<string>();

  const check = <T>(method: string, path: string, answer: Answer<T>): Answer<T> => {
    if (answer.status >= 300) return answer;
    const call = `${method} ${path}`;
    // `/destinations/{id}` fits no longer path, and a plain name comes before a parameter.
    const route = routes.find(({ name }) => name === call) ?? routes.find(({ pattern }) => pattern.test(call));
    if (!route) throw new Error(`${call} is no route of /openapi.json`);
    heard.add(route.name);
    if (answer.text === '') return answer;
    const schema = route.operation.responses[answer.status]?.content?.['application/json']?.schema;
    if (!schema) throw new Error(`${route.name} declares no answer ${answer.status}`);
    const validate = compiled.get(schema) ?? ajv.compile({ ...(closed(schema) as object), components });
    compiled.set(schema, validate);
    if (validate(answer.body)) return answer;
    const faults = validate.errors?.map(
      (fault) => `${fault.instancePath} ${fault.message} ${JSON.stringify(fault.params)}`,
    );
    throw new Error(`${route.name} answers what it does not declare: ${faults?.join('; ')}\n${answer.text}`);
  };
  return {
    api: {
      get: async (path, headers) => check('GET', path, await api.get(path, headers)),
      post: async (path, body, headers) => check('POST', path, await api.post(path, body, headers)),
      put: async (path, body, headers) => check('PUT', path, await api.put(path, body, headers)),
      patch: async (path, body, headers) => check('PATCH', path, await api.patch(path, body, headers)),
      delete: async (path, headers) => check('DELETE', path, await api.delete(path, headers)),
      send: async (method, path, body, headers) => check(method, path, await api.send(method, path, body, headers)),
    },
    unheard: () => routes.map(({ name }) => name).filter((name) => !heard.has(name)),
  };
};

/**
 * What is not declared is a fault, but where an object says that it holds anything. A reference that is `nullable` beside
 * is read as clients are generated from it: as null, or what it refers to.
 */
const closed = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const members = Object.fromEntries(Object.entries(schema).map(([name, member]) => [name, closed(member)]));
  if ('allOf' in members && members['nullable'] === true)
    return { anyOf: [{ type: 'null' }, ...(members['allOf'] as object[])] };
  return 'properties' in members && !('additionalProperties' in members)
    ? { ...members, additionalProperties: false }
    : members;
};
