import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { readConfiguration } from '../config/configuration.js';
import { CallerGuard, callerOf } from './caller.js';

const [ISSUER, AUDIENCE] = ['https://issuer.example', 'waybill'];

let answer: RequestListener;
let server: Server;
let url: string;
let token: string;
let keys: string;

beforeAll(async () => {
  server = createServer((asked, answered) => answer(asked, answered)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }] });
  token = await new SignJWT({ tenant: 'acme', roles: ['viewer'], sub: 'ada', iss: ISSUER, aud: AUDIENCE })
    .setProtectedHeader({ alg: 'ES256', kid: 'one' })
    .setExpirationTime('1h')
    .sign(privateKey);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const outcomeWith = async (bearer: string): Promise<unknown> => {
  const configuration = readConfiguration({
    WAYBILL_AUTH: 'jwt',
    WAYBILL_JWKS_URL: url,
    WAYBILL_JWT_ISSUER: ISSUER,
    WAYBILL_JWT_AUDIENCE: AUDIENCE,
  });
  const request = { method: 'GET', raw: {}, headers: { authorization: `Bearer ${bearer}` } };
  const context = {
    switchToHttp: () => ({ getRequest: () => request }),
    getHandler: () => outcomeWith,
    getClass: () => CallerGuard,
  } as unknown as ExecutionContext;
  await new CallerGuard(configuration, new Reflector()).canActivate(context);
  return callerOf(request as never);
};

describe('a token', () => {
  it('says whose data its bearer may see', async () => {
    answer = (_, answered) => answered.end(keys);
    expect(await outcomeWith(token)).toEqual({ tenant: 'acme', sandbox: 'prod', actor: 'ada', roles: ['viewer'] });
  });

  it('is refused where it is signed with none of the keys', async () => {
    answer = (_, answered) => answered.end('{"keys":[]}');
    await expect(outcomeWith(token)).rejects.toMatchObject({ slug: 'unauthenticated', kind: 'unauthenticated' });
    answer = (_, answered) => answered.end(keys);
    await expect(outcomeWith(`${token}x`)).rejects.toMatchObject({ slug: 'unauthenticated' });
    await expect(outcomeWith('no token')).rejects.toMatchObject({ slug: 'unauthenticated' });
  });

  it.each<[string, RequestListener]>([
    ['answers with an error', (_, answered) => answered.writeHead(502).end('Bad gateway')],
    ['answers with a page', (_, answered) => answered.end('<html>Maintenance</html>')],
    ['answers with something else', (_, answered) => answered.end('{"error":"maintenance"}')],
    ['hangs up', (asked) => asked.socket.destroy()],
  ])('is neither taken nor refused while the server of the keys %s', async (_, listener) => {
    answer = listener;
    await expect(outcomeWith(token)).rejects.toMatchObject({ slug: 'keys-unavailable', kind: 'unavailable' });
  });
});
