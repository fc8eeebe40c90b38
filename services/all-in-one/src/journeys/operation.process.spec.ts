import type { Api } from './testing/api.js';
import { eventually } from './testing/eventually.js';
import { outcomeOf } from './testing/expectations.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

let waybill: Waybill;
let api: Api;

beforeAll(async () => {
  waybill = await startWaybill();
  api = waybill.api();
});
afterAll(() => waybill.close());

describe('health', () => {
  it('says that the process runs', async () => {
    expect(await api.get('/health/live')).toMatchObject({ status: 200, body: { status: 'up' } });
  });

  it('names each thing that the process depends on', async () => {
    const { status, body } = await api.get<{ status: string; dependencies: Record<string, { status: string }> }>(
      '/health/ready',
    );
    expect([status, body.status]).toEqual([200, 'up']);
    expect(Object.values(body.dependencies).map((dependency) => dependency.status)).not.toContain('down');
    expect(Object.keys(body.dependencies)).toEqual(
      expect.arrayContaining(['database', 'messaging', 'account relay', 'account read models', 'delivery relay']),
    );
  });
});

describe('metrics', () => {
  it('are in the format of Prometheus: requests by route and status, lag of what follows the logs', async () => {
    await api.get('/v1/accounts');
    await api.get('/v1/accounts/nowhere');
    const { status, headers, text } = await api.get('/metrics');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^text\/plain/);
    expect(text).toMatch(
      /^waybill_http_request_duration_seconds_count\{.*route="\/v1\/accounts",.*status="200".*\} \d/m,
    );
    expect(text).toMatch(/route="\/v1\/accounts\/:id",.*status="404"/);
    expect(text).toMatch(/^waybill_projection_lag_seconds\{service="account",projection="accounts"\} 0$/m);
    for (const name of [
      'waybill_relay_lag_seconds',
      'waybill_consumer_lag_messages',
      'process_resident_memory_bytes',
    ]) {
      expect(text).toContain(`# TYPE ${name} gauge`);
    }
  });

  it('name routes, never what stands in their place', async () => {
    await api.get('/v1/profiles/person%40example.com');
    expect((await api.get('/metrics')).text).not.toContain('person');
  });
});

describe('documents', () => {
  interface Document {
    readonly openapi: string;
    readonly tags: readonly { readonly name: string }[];
    readonly paths: Record<
      string,
      Record<
        string,
        {
          summary?: string;
          tags: readonly string[];
          parameters?: readonly object[];
          requestBody?: { content: Record<string, { schema: { $ref?: string } }> };
        }
      >
    >;
    readonly components: {
      readonly schemas: Record<string, { properties?: Record<string, object>; example?: object }>;
    };
  }

  it('describe every route and its body by OpenAPI', async () => {
    const { body } = await api.get<Document>('/openapi.json');
    expect(body.openapi).toMatch(/^3\./);
    for (const [path, methods] of Object.entries(body.paths)) {
      for (const [method, { requestBody }] of Object.entries(methods)) {
        for (const { schema } of Object.values(requestBody?.content ?? {})) {
          const name = schema.$ref?.split('/').at(-1);
          if (name === undefined) continue;
          const properties = Object.keys(body.components.schemas[name]?.properties ?? {});
          expect(`${method} ${path} takes ${properties.length > 0}`).toBe(`${method} ${path} takes true`);
        }
      }
    }
    expect(JSON.stringify(body)).not.toContain('#/components/schemas/undefined');
  });

  it('say of each route in a few words what it does, in a group that is explained, and which headers it takes', async () => {
    const { body } = await api.get<Document>('/openapi.json');
    const groups = body.tags.map(({ name }) => name);
    for (const [path, methods] of Object.entries(body.paths)) {
      for (const [method, { summary, tags, parameters = [] }] of Object.entries(methods)) {
        expect(`${method} ${path}: ${summary}`).toMatch(/: [A-Z].{5,60}$/);
        expect(groups).toEqual(expect.arrayContaining([...tags]));
        if (!path.startsWith('/v1/')) continue;
        const header = method === 'get' ? 'MinPosition' : 'IdempotencyKey';
        expect(parameters).toContainEqual({ $ref: `#/components/parameters/${header}` });
      }
    }
  });

  it('show a body to begin with, made of fields that there are', async () => {
    const { body } = await api.get<Document>('/openapi.json');
    const forms = Object.values(body.components.schemas).filter(({ example }) => example !== undefined);
    expect(forms.length).toBeGreaterThan(10);
    for (const { example, properties } of forms) {
      expect(Object.keys(properties ?? {})).toEqual(expect.arrayContaining(Object.keys(example ?? {})));
    }
  });

  it('can be read as a page that asks nothing of other servers', async () => {
    const { status, headers, text } = await api.get('/docs');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toContain('text/html');
    expect(text).not.toMatch(/(src|href)="https?:/);
    for (const [, script = ''] of text.matchAll(/(?:src|href)="\.\/(docs\/[^"]+)"/g)) {
      expect((await api.get(`/${script}`)).status).toBe(200);
    }
  });
});

describe('the type of a problem', () => {
  it('leads to a page that explains it', async () => {
    const { problem } = await api.get('/v1/accounts/nowhere');
    const page = await api.get(problem.type);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.text).toContain('<h1>Account not found</h1>');
    expect(page.text).toContain('HTTP status 404');
  });

  it('is listed with all the others, each with a page', async () => {
    const { text } = await api.get('/problems');
    const paths = [...text.matchAll(/href="(\/problems\/[a-z-]+)"/g)].map(([, path = '']) => path);
    expect(paths.length).toBeGreaterThan(80);
    const pages = await Promise.all(paths.map((path) => api.get(path)));
    expect(pages.map(({ status }) => status)).toEqual(paths.map(() => 200));
  });

  it.each(['no-such-problem', 'constructor', '__proto__', '%3Cscript%3E'])('is not made up: %s', async (slug) => {
    const answer = await api.get(`/problems/${slug}`);
    expect(outcomeOf(answer)).toBe('404 problem-unknown');
    expect(answer.text).not.toContain('<script>');
  });
});

it('an unknown path or method is a problem like any other', async () => {
  for (const [method, path] of [
    ['GET', '/v1/nothing'],
    ['GET', '/'],
    ['PUT', '/v1/accounts'],
    ['POST', '/v1/catalog'],
  ] as const) {
    const answer = await api.send(method, path, undefined);
    expect(outcomeOf(answer)).toBe('404 route-not-found');
  }
});

it('the log has a line for what failed, with its correlation id, and none for health checks', async () => {
  await api.get('/v1/accounts/nowhere', { 'x-correlation-id': 'trace-me' });
  await api.get('/health/live');
  // Of a process of its own it comes a moment later.
  await eventually(
    async () => waybill.output,
    (output) => output.includes('trace-me'),
  );
  expect(waybill.output).not.toContain('/health/live');
  const lines = waybill.output.split('\n').filter((line) => line.startsWith('{'));
  for (const line of lines)
    expect(JSON.parse(line)).toMatchObject({ level: expect.any(Number), time: expect.any(Number) });
});
