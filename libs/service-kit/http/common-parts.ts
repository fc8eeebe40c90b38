import type { OpenAPIObject } from '@nestjs/swagger';
import type { Configuration } from '../config/configuration.js';

type Components = NonNullable<OpenAPIObject['components']>;
type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Security = Pick<OpenAPIObject, 'security'> & Pick<Components, 'securitySchemes'>;

/** In the order in which people need them. */
const TAGS: OpenAPIObject['tags'] = [
  { name: 'catalog', description: 'What can be connected to' },
  { name: 'accounts', description: 'Proven credentials, and encryption keys' },
  { name: 'validations', description: 'Reports of proofs' },
  { name: 'destinations', description: 'An account, a target, and why: and their history' },
  { name: 'marketing actions', description: 'What destinations are used for' },
  { name: 'audience', description: 'Segments, their members, and profiles' },
  { name: 'activation', description: 'Segments on destinations: mapping, schedule, file names' },
  { name: 'delivery', description: 'Runs, previews, and what could not be delivered' },
  { name: 'events', description: 'What changes, as it happens' },
  { name: 'operation', description: 'Health' },
];

const header = (name: string, description: string) =>
  ({ in: 'header', name, description, required: false, schema: { type: 'string' } }) as const;
const PARAMETERS: NonNullable<Components['parameters']> = {
  IdempotencyKey: header('Idempotency-Key', 'The same key and body give the first outcome again.'),
  IfMatch: header('If-Match', 'Only at this revision, in quotes, such as `"3"`; else 412.'),
  MinPosition: header('X-Min-Position', 'Waits until the answer has seen this `X-Position`.'),
};

/** RFC 9457. */
const PROBLEM = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail'],
  properties: {
    type: { type: 'string', description: 'The address of a page that explains it', example: '/problems/invalid-input' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'What is wrong, and how to mend it' },
    instance: { type: 'string' },
    fields: { type: 'array', items: { type: 'object' }, description: 'The faults of a body: `path` and `message`' },
    checks: { type: 'array', items: { type: 'object' }, description: 'What a proof found at the partner' },
  },
} as const;

const identity = (name: string, description: string) => ({ type: 'apiKey' as const, in: 'header', name, description });

/** How a caller says who they are, for the dialogue behind the button. */
const securityOf = ({ mode }: Configuration['auth']): Security =>
  mode === 'jwt'
    ? {
        security: [{ bearer: [] }],
        securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      }
    : {
        security: [{ tenant: [], sandbox: [], actor: [] }],
        securitySchemes: {
          tenant: identity('X-Tenant', 'Whose data it is; `default` when left out'),
          sandbox: identity('X-Sandbox', 'Which space of theirs; `prod` when left out'),
          actor: identity('X-Actor', 'Who asks, for the history; `anonymous` when left out'),
        },
      };

const described = (method: string, path: string, operation: Operation): Operation => {
  if (!path.startsWith('/v1/')) return { ...operation, security: [] };
  const names = method === 'get' ? ['MinPosition'] : ['IdempotencyKey', ...(path.includes('{') ? ['IfMatch'] : [])];
  const headers = names.map((name) => ({ $ref: `#/components/parameters/${name}` }));
  const content = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
  return {
    ...operation,
    parameters: [...(operation.parameters ?? []), ...headers],
    responses: { ...operation.responses, default: { description: 'A problem', content } },
  };
};

/** What all routes have in common and none says: headers, problems, who is asking; and the order of their groups. */
export const withCommonParts = (document: OpenAPIObject, auth: Configuration['auth']): OpenAPIObject => {
  const { security, securitySchemes } = securityOf(auth);
  const paths = Object.entries(document.paths).map(([path, methods]) => [
    path,
    Object.fromEntries(
      Object.entries(methods as Record<string, Operation>).map(([method, operation]) => [
        method,
        described(method, path, operation),
      ]),
    ),
  ]);
  return {
    ...document,
    ...(security && { security }),
    tags: TAGS,
    paths: Object.fromEntries(paths) as OpenAPIObject['paths'],
    components: {
      ...document.components,
      ...(securitySchemes && { securitySchemes }),
      parameters: PARAMETERS,
      schemas: { ...document.components?.schemas, Problem: PROBLEM as never },
    },
  };
};
