import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { readConfiguration } from '@waybill/service-kit';
import { createFront } from './front.js';

type Handler = (asked: IncomingMessage, answer: ServerResponse) => void;

/** Stands for every service; what it does with a request is the test's to say. */
let handler: Handler;
let server: Server;
let addresses: string[];
let front: ReturnType<typeof createFront>;
let address: string;

const listening = async (): Promise<string> => {
  server = createServer((asked, answer) => handler(asked, answer)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

beforeEach(async () => {
  handler = (_, answer) => answer.end('{}');
  addresses = [await listening()];
  front = createFront(readConfiguration({}), { addressesOf: () => addresses });
  address = await front.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await front.close();
});

const ask = async (path: string, headers: Record<string, string> = {}, method = 'GET', body = '') => {
  const asked = request(`${address}${path}`, { method, headers }).end(body);
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return { status: answer.statusCode, headers: answer.headers, text: await text(answer) };
};

describe('the front', () => {
  it('passes a request on as it came: method, path, query, headers and the host that was asked for', async () => {
    let seen: unknown;
    handler = ({ method, url, headers }, answer) => {
      seen = { method, url, host: headers.host, tenant: headers['x-tenant'], position: headers['x-min-position'] };
      answer.writeHead(201, { etag: '"0"', location: '/v1/accounts/1' }).end('{"id":1}');
    };
    const path = '/v1/segments/a%2Fb%20%C3%A9/members?mode=replace&identity=a%26b';
    const headers = { host: 'localhost:99', 'x-tenant': 'acme', 'x-min-position': '7', 'content-type': 'text/csv' };
    const answer = await ask(path, headers, 'POST', 'a,b\n');
    expect(seen).toEqual({ method: 'POST', url: path, host: 'localhost:99', tenant: 'acme', position: '7' });
    expect(answer).toMatchObject({
      status: 201,
      headers: { etag: '"0"', location: '/v1/accounts/1' },
      text: '{"id":1}',
    });
  });

  it('streams an upload: the service reads its beginning before its end was sent', async () => {
    let firstBytes: (bytes: string) => void;
    const begun = new Promise<string>((resolve) => (firstBytes = resolve));
    handler = (asked, answer) => {
      asked.once('data', (chunk) => firstBytes(String(chunk)));
      void text(asked).then((all) => answer.end(String(all.length)));
    };
    const upload = request(`${address}/v1/segments/s/members`, {
      method: 'POST',
      headers: { 'content-type': 'text/csv' },
    });
    upload.write('email\n');
    expect(await begun).toBe('email\n');
    upload.end('ada@example.com\n');
    const [answer] = (await once(upload, 'response')) as [IncomingMessage];
    expect(await text(answer)).toBe('22');
  });

  it('takes a large body to its end though it was refused at once, so that the client sees the refusal', async () => {
    handler = (asked, answer) => {
      answer.writeHead(413, { 'content-type': 'application/problem+json' }).end('{"status":413}');
      asked.resume();
    };
    const body = 'x'.repeat(20_000_000);
    for (let round = 0; round < 5; round++) {
      const answer = await ask('/v1/accounts', { 'content-type': 'application/json' }, 'POST', body);
      expect(answer).toMatchObject({ status: 413, text: '{"status":413}' });
    }
  });

  it('leaves the service when who uploads to it goes away', async () => {
    let begin: () => void;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const left = new Promise<void>((resolve) => {
      handler = (asked) => {
        asked.once('close', resolve).resume();
        begin();
      };
    });
    const upload = request(`${address}/v1/segments/s/members`, {
      method: 'POST',
      headers: { 'content-type': 'text/csv' },
    });
    upload.once('error', () => undefined);
    upload.write('email\n');
    await begun;
    upload.destroy();
    await left;
  });

  it('passes server-sent events on one by one, and ends them at the service when the reader goes', async () => {
    const gone = new Promise<void>((resolve) => {
      handler = (asked, answer) => {
        asked.once('close', () => resolve());
        answer.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
      };
    });
    const reading = request(`${address}/v1/events`).end();
    const [answer] = (await once(reading, 'response')) as [IncomingMessage];
    expect(String((await once(answer, 'data'))[0])).toBe('data: 1\n\n');
    reading.destroy();
    await gone;
  });

  it('takes metrics of those that tell theirs, and for the others says that they are not up', async () => {
    const problem = JSON.stringify({ type: '/problems/service-stopping', status: 503 });
    handler = ({ url }, answer) => {
      if (url === '/metrics') answer.writeHead(503, { 'content-type': 'application/problem+json' }).end(problem);
    };
    const { status, text: metrics } = await ask('/metrics');
    expect(status).toBe(200);
    expect(metrics.split('\n')).toContain('waybill_up{service="account"} 0');
    expect(metrics).not.toContain('service-stopping');
  });

  it('says which service is away, and when to come again', async () => {
    addresses = [];
    const { status, headers, text: body } = await ask('/v1/runs/1?x=y');
    expect([status, headers['content-type'], headers['retry-after']]).toEqual([
      503,
      expect.stringContaining('application/problem+json'),
      '2',
    ]);
    expect(JSON.parse(body)).toMatchObject({ type: '/problems/service-away', status: 503, instance: '/v1/runs/1' });
    expect(body).toContain('The delivery service');
  });

  it('says the same of one that dies while it is asked', async () => {
    handler = ({ socket }) => socket.destroy();
    expect(await ask('/v1/accounts', {}, 'POST', 'x')).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
    server.close();
    server.closeAllConnections();
    expect(await ask('/v1/accounts')).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
  });

  it('asks a service once, whatever it answers', async () => {
    let asked = 0;
    handler = (_, answer) => {
      asked += 1;
      answer.writeHead(503, { 'retry-after': '0' }).end('busy');
    };
    expect(await ask('/v1/accounts')).toMatchObject({ status: 503, text: 'busy' });
    await sleep(50);
    expect(asked).toBe(1);
  });

  it('takes the processes of a service in turns', async () => {
    const other = createServer((_, answer) => answer.end('other')).listen(0, '127.0.0.1');
    await once(other, 'listening');
    addresses.push(`http://127.0.0.1:${(other.address() as AddressInfo).port}`);
    const answers = await Promise.all([1, 2, 3, 4].map(() => ask('/v1/accounts')));
    expect(answers.map(({ text: body }) => body).sort()).toEqual(['other', 'other', '{}', '{}']);
    other.closeAllConnections();
    other.close();
  });

  it('takes what curl sends with a large body', async () => {
    handler = (asked, answer) => void text(asked).then((all) => answer.end(all));
    expect(await ask('/v1/accounts', { expect: '100-continue' }, 'POST', 'x')).toMatchObject({
      status: 200,
      text: 'x',
    });
  });

  it('is closed to foreign pages before any service is asked', async () => {
    handler = () => expect('nobody').toBe('asked');
    for (const path of ['/v1/accounts', '/metrics', '/openapi.json', '/health/live', '/no-such-path']) {
      expect(await ask(path, { host: 'evil.example' })).toMatchObject({ status: 403 });
    }
  });

  it.each(['/v1/%', '/v1/accounts/%E0%A4%A'])('answers a path that cannot be read with a problem: %s', async (path) => {
    const { status, headers } = await ask(path);
    expect([status, headers['content-type']]).toEqual([400, expect.stringContaining('application/problem+json')]);
  });

  it('ends with its last answer, and with connections on which nothing was asked', async () => {
    const begun = new Promise<void>((resolve) => {
      handler = (_, answer) => {
        resolve();
        void sleep(100).then(() => answer.end('late'));
      };
    });
    const idle = connect(Number(new URL(address).port), '127.0.0.1');
    await once(idle, 'connect');
    const answer = ask('/v1/accounts');
    await begun;
    await front.close();
    expect(await answer).toMatchObject({ status: 200, text: 'late' });
    idle.destroy();
  });

  it('ends with its last answer also where the client keeps the connection for another request', async () => {
    const begun = Promise.withResolvers<void>();
    const done = Promise.withResolvers<void>();
    handler = (_, answer) => {
      begun.resolve();
      void done.promise.then(() => answer.end('late'));
    };
    const connection = connect(Number(new URL(address).port), '127.0.0.1');
    const heard = text(connection);
    connection.write('GET /v1/accounts HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await begun.promise;
    const closed = front.close();
    await sleep(50);
    done.resolve();
    await closed;
    expect(await heard).toMatch(/^HTTP\/1.1 200 [^]*late$/);
  });

  it('tells a request that comes while it closes, behind one that is under way, to come again', async () => {
    const begun = Promise.withResolvers<void>();
    const done = Promise.withResolvers<void>();
    handler = (_, answer) => {
      begun.resolve();
      void done.promise.then(() => answer.end('late'));
    };
    const connection = connect(Number(new URL(address).port), '127.0.0.1');
    const heard = text(connection);
    const get = 'GET /v1/accounts HTTP/1.1\r\nhost: localhost\r\n\r\n';
    connection.write(get);
    await begun.promise;
    const closed = front.close();
    await sleep(50);
    connection.write(get);
    await sleep(50);
    done.resolve();
    await closed;
    const [, first, second] = (await heard).split('HTTP/1.1 ');
    expect(first).toMatch(/^200 [^]*late$/);
    expect(second).toMatch(/^503 /);
    expect(second).toContain('content-type: application/problem+json');
    expect(second).toMatch(/^retry-after: \d+\r$/m);
    expect(second).toContain('/problems/service-stopping');
  });
});
