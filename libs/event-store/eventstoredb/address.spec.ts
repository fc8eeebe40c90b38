import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newCertificate } from '@waybill/testkit/certificate';
import { readAddress } from './address.js';

const node = (address: string, port = 2113) => ({ address, port });

describe('an address of EventStoreDB', () => {
  it.each([
    ['esdb://localhost', { nodes: { endpoint: node('localhost') }, tls: true, settings: {} }],
    ['esdb://127.0.0.1:2114?tls=false', { nodes: { endpoint: node('127.0.0.1', 2114) }, tls: false, settings: {} }],
    ['esdb://[::1]:2114/?tls=false', { nodes: { endpoint: node('[::1]', 2114) }, tls: false, settings: {} }],
    ['esdb://a,b:1,c', { nodes: { endpoints: [node('a'), node('b', 1), node('c')] }, tls: true, settings: {} }],
    ['esdb+discover://cluster.example:2113', { nodes: { discover: node('cluster.example') }, tls: true, settings: {} }],
    [
      'esdb://admin:changeit@localhost',
      {
        nodes: { endpoint: node('localhost') },
        tls: true,
        settings: {},
        credentials: { username: 'admin', password: 'changeit' },
      },
    ],
    [
      'esdb://ad%3Amin:p%40ss%3Aw%2For%25d@localhost',
      {
        nodes: { endpoint: node('localhost') },
        tls: true,
        settings: {},
        credentials: { username: 'ad:min', password: 'p@ss:w/or%d' },
      },
    ],
    [
      'esdb://h?keepAliveInterval=20000&GOSSIPTIMEOUT=2&connectionName=mine',
      {
        nodes: { endpoint: node('h') },
        tls: true,
        settings: { keepAliveInterval: 20_000, gossipTimeout: 2, connectionName: 'mine' },
      },
    ],
  ])('is read: %s', (text, address) => {
    expect(readAddress(text)).toEqual(address);
  });

  it('names the file of the authority, which holds a certificate', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'waybill-address-'));
    const file = join(folder, 'a+b.crt');
    const { certificate, key } = await newCertificate();
    writeFileSync(file, certificate);
    expect(readAddress(`esdb://h?tlsCAFile=${file}`).rootCertificate?.toString()).toBe(certificate);
    const der = Buffer.from(certificate.replaceAll(/-----.*-----|\s/g, ''), 'base64');
    for (const other of ['not PEM', key, der, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n']) {
      writeFileSync(file, other);
      expect(() => readAddress(`esdb://h?tlsCAFile=${file}`)).toThrow(
        expect.objectContaining({
          slug: 'event-store-address-malformed',
          message: expect.stringMatching(/tlsCAFile holds no certificate in PEM/) as string,
        }) as Error,
      );
    }
    rmSync(folder, { recursive: true });
    expect(() => readAddress(`esdb://h?tlsCAFile=${file}`)).toThrow(/tlsCAFile cannot be read.*ENOENT/);
  });

  const secret = 'hush-hush';
  it.each([
    ['another scheme', `http://admin:${secret}@h`, /begins with esdb:\/\/ or esdb\+discover:\/\//],
    ['no host', `esdb://admin:${secret}@`, /then the host/],
    ['an @ in the password', `esdb://admin:${secret}@x@h`, /percent-encoded/],
    ['a ? in the password', `esdb://admin:2023?${secret}@h:2113`, /%3F/],
    ['a ? and an @ in the password', `esdb://admin:2023@x?${secret}@h`, /%3F/],
    ['a / in the password', `esdb://admin:2023/${secret}@h`, /percent-encoded/],
    ['a colon in the password', `esdb://admin:${secret}:x@h`, /%3A/],
    ['a % in the password', `esdb://admin:${secret}%x@h`, /%25/],
    ['no password', `esdb://${secret}@h`, /user:password/],
    ['a password without TLS', `esdb://admin:${secret}@h?tls=false`, /over TLS only/],
    ['a port that is none', 'esdb://h:99999', /name or name:port/],
    ['several names to discover', 'esdb+discover://a,b', /names one host/],
    ['an option nobody knows', `esdb://admin:${secret}@h?colour=red`, /colour is not taken: nobody knows it/],
    ['an option without effect', 'esdb://h?tlsVerifyCert=false', /no effect.*tlsCAFile/],
    ['another node than the leader', 'esdb://h?nodePreference=follower', /only the leader knows/],
    ['a number that is none', 'esdb://h?gossipTimeout=soon', /gossipTimeout takes a whole number/],
    ['a name of the connection that is no ASCII', 'esdb://h?connectionName=%C3%A9', /connectionName takes/],
    ['tls that is neither', 'esdb://h?tls=yes', /true or false/],
    ['an authority without TLS', 'esdb://h?tls=false&tlsCAFile=/dev/null', /no use with tls=false/],
  ])('is refused, in words without its secret: %s', (_, text, message) => {
    const refusal = (): Error => {
      try {
        readAddress(text);
      } catch (error) {
        return error as Error;
      }
      throw new Error('It was taken.');
    };
    expect(refusal()).toMatchObject({
      slug: 'event-store-address-malformed',
      kind: 'malformed',
      message: expect.stringMatching(message),
    });
    expect(JSON.stringify([refusal().message, refusal().stack])).not.toContain(secret);
  });
});
