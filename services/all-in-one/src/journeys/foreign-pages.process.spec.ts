import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Api } from './testing/api.js';
import { outcomeOf } from './testing/expectations.js';
import { runToItsEnd, startWaybill, type Waybill } from './testing/waybill.js';

let waybill: Waybill;
let api: Api;

beforeAll(async () => {
  waybill = await startWaybill();
  api = waybill.api();
});
afterAll(() => waybill.close());

/** `fetch` lets nobody choose a Host. */
const withHost = async (path: string, host: string): Promise<{ status: number; body: string }> => {
  const asked = request(`${waybill.address}${path}`, { headers: { host } }).end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return { status: response.statusCode ?? 0, body: await text(response) };
};

const PATHS = ['/v1/accounts', '/health/live', '/metrics', '/openapi.json', '/docs', '/problems', '/no-such-path'];

describe('without authentication', () => {
  it.each(PATHS)('%s is closed to requests under a foreign name', async (path) => {
    for (const host of ['evil.example', 'evil.example:80', '127.0.0.1.evil.example', '10.0.0.1']) {
      const { status, body } = await withHost(path, host);
      expect([host, status]).toEqual([host, 403]);
      expect(body).toContain('/problems/foreign-page');
    }
  });

  it.each(PATHS)('%s is closed to scripts of foreign pages', async (path) => {
    for (const origin of ['https://evil.example', 'http://127.0.0.1.evil.example', 'null', 'file://']) {
      expect(outcomeOf(await api.get(path, { origin }))).toBe('403 foreign-page');
    }
  });

  it('loopback names are welcome, whatever the port', async () => {
    const port = new URL(waybill.address).port;
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, 'localhost']) {
      expect((await withHost('/v1/accounts', host)).status).toBe(200);
    }
    expect((await api.get('/v1/accounts', { origin: 'http://localhost:3000' })).status).toBe(200);
  });

  it('a page gets no leave to send anything but what every page may', async () => {
    const answer = await api.send('OPTIONS', '/v1/accounts', undefined, {
      origin: 'http://localhost:3000',
      'access-control-request-method': 'POST',
    });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });

  it.each(['0.0.0.0', '::', '192.0.2.1'])('Waybill does not start to listen on %s', async (host) => {
    const { code, output } = await runToItsEnd({ WAYBILL_HOST: host });
    expect(code).toBe(1);
    expect(output).toContain('WAYBILL_AUTH');
    expect(output).toMatch(/loopback/);
  });
});
