import { Agent, get } from 'node:http';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { guardedLookup, refusalOf, resolveAllowed } from './network.js';

const closed = { allowPrivateNetworks: false };
const open = { allowPrivateNetworks: true };

describe('an address', () => {
  it.each(['93.184.216.34', '8.8.8.8', '2606:4700::1111', '::ffff:8.8.8.8', '64:ff9b::808:808'])(
    '%s is public, and allowed everywhere',
    (address) => {
      expect(refusalOf(address, closed)).toBeUndefined();
      expect(refusalOf(address, open)).toBeUndefined();
    },
  );

  it.each([
    ['127.0.0.1', 'loopback'],
    ['10.1.2.3', 'private'],
    ['172.16.0.1', 'private'],
    ['192.168.1.1', 'private'],
    ['169.254.1.1', 'linkLocal'],
    ['100.64.0.1', 'carrierGradeNat'],
    ['192.0.2.1', 'reserved'],
    ['::1', 'loopback'],
    ['fe80::1', 'linkLocal'],
    ['fe80::1%eth0', 'linkLocal'],
    ['fd12:3456::1', 'uniqueLocal'],
    ['::ffff:10.0.0.1', 'private'],
    ['::ffff:7f00:1', 'loopback'],
    ['64:ff9b::a00:1', 'private'],
    ['2002:a00:1::', '6to4'],
  ])('%s is %s, and refused unless private networks are allowed', (address, range) => {
    expect(refusalOf(address, closed)).toContain(range);
    expect(refusalOf(address, open)).toBeUndefined();
  });

  it.each(['169.254.169.254', '::ffff:169.254.169.254', '168.63.129.16', '100.100.100.200', 'fd00:ec2::254'])(
    '%s is where clouds hand out credentials, and refused everywhere',
    (address) => {
      expect(refusalOf(address, closed)).toContain('metadata');
      expect(refusalOf(address, open)).toContain('metadata');
    },
  );

  it.each(['0.0.0.0', '::', '224.0.0.1', '255.255.255.255', 'ff02::1'])(
    '%s is no host, and refused everywhere',
    (address) => {
      expect(refusalOf(address, closed)).toBeDefined();
      expect(refusalOf(address, open)).toBeDefined();
    },
  );
});

describe('a host', () => {
  it.each(['localhost', '127.0.0.1', '::1', '2130706433', '0x7f.1'])(
    '%s is judged by the address it resolves to',
    async (host) => {
      await expect(resolveAllowed(host, closed)).rejects.toMatchObject({ code: 'address-refused' });
      const [first] = await resolveAllowed(host, open);
      expect(['127.0.0.1', '::1']).toContain(first?.address);
    },
  );

  it('that no resolver knows is unreachable', async () => {
    await expect(resolveAllowed('no-such-host.invalid', open)).rejects.toMatchObject({ code: 'unreachable' });
  });
});

describe('a lookup for agents', () => {
  it('keeps an HTTP client from a private address, and lets it there when allowed', async () => {
    const server = createServer((_, response) => response.end('here'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const ask = async (policy: typeof open) => {
      const agent = new Agent({ lookup: guardedLookup(policy) });
      const request = get({ host: 'localhost', family: 4, port: (server.address() as AddressInfo).port, agent });
      const [response] = (await once(request, 'response')) as [{ statusCode: number; resume: () => void }];
      response.resume();
      agent.destroy();
      return response.statusCode;
    };
    await expect(ask(closed)).rejects.toMatchObject({ code: 'address-refused' });
    expect(await ask(open)).toBe(200);
    server.close();
  });
});
