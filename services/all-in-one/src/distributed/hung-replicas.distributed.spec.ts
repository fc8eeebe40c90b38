import { setTimeout as sleep } from 'node:timers/promises';
import { SERVICES } from '@waybill/contracts';
import { apiOf } from '../journeys/testing/api.js';
import { watchEvents } from '../journeys/testing/event-stream.js';
import { eventually } from '../journeys/testing/eventually.js';
import { type SftpPartner, startSftpPartner } from '../journeys/testing/sftp-partner.js';
import { startWaybill, type Waybill } from '../journeys/testing/waybill.js';
import { connectPatiently, expectOnce } from './testing/connecting.js';
import { heldLeases, replicasOf, untilReady } from './testing/processes.js';

/** More than the lease of a read model (15 s), that of a relay (10 s) and a member's session (15 s). */
const PAST_ITS_LEASE_MS = 18_000;
const AT_ONCE = 5;

describe('a process of each service that hangs past its leases', () => {
  let waybill: Waybill;
  let partner: SftpPartner;
  beforeAll(async () => {
    [waybill, partner] = await Promise.all([startWaybill({}, ['--replicas', '2']), startSftpPartner()]);
  });
  afterAll(async () => {
    await waybill.close();
    await partner.stop();
  }, 60_000);

  /** Relays and runners of read models, and who they are. */
  const runners = async (): Promise<readonly (readonly [name: string, owner: string])[]> => {
    const leases = await Promise.all(
      SERVICES.map(async (service) => ({ service, held: await heldLeases(waybill, service) })),
    );
    return leases.flatMap(({ service, held }) =>
      held
        .filter(({ name }) => /^(relay|projection) /.test(name))
        .map(({ name, owner }) => [`${service}: ${name}`, owner] as const),
    );
  };

  it('loses them to the other one, and nothing is doubled when it wakes up', async () => {
    const before = new Map(await runners());
    const seen = new Map([...before].map(([name, owner]) => [name, new Set([owner])]));
    const names: string[] = [];
    const connect = (replica: number, when: string) => {
      const api = apiOf(() => replicasOf(waybill, 'account')[replica]!.address, {});
      const added = Array.from({ length: AT_ONCE }, (_, index) => `${when} ${replica} hung, ${index}`);
      names.push(...added);
      return Promise.all(added.map((name) => connectPatiently(api, partner, name)));
    };
    // Each runner is one of the two: once it hangs, and once it is the one that takes over.
    for (const hung of [0, 1]) {
      const pids = SERVICES.map((service) => replicasOf(waybill, service)[hung]!.pid);
      const underWay = connect(1 - hung, 'before');
      await sleep(30);
      pids.forEach((pid) => process.kill(pid, 'SIGSTOP'));
      try {
        await sleep(PAST_ITS_LEASE_MS);
        await Promise.all([underWay, connect(1 - hung, 'while')]);
        // What is held now is held by the others.
        const held = await eventually(
          runners,
          (now) => [...before.keys()].every((name) => now.some(([one]) => one === name)),
          60_000,
        );
        for (const [name, owner] of held) seen.get(name)?.add(owner);
      } finally {
        pids.forEach((pid) => process.kill(pid, 'SIGCONT'));
      }
      await untilReady(waybill);
    }
    await connect(0, 'after');

    expect([...seen].filter(([, owners]) => owners.size < 2).map(([name]) => name)).toEqual([]);
    for (const { address } of replicasOf(waybill, 'account'))
      await expectOnce(
        apiOf(() => address, {}),
        names,
      );
    const feed = await watchEvents(waybill.address, '?types=AccountConnected', { 'last-event-id': '0' });
    await eventually(
      () => Promise.resolve(new Set(feed.events.map(({ data }) => data.subject)).size),
      (connected) => connected === names.length,
      60_000,
    );
    await feed.close();
    expect(feed.events).toHaveLength(names.length);
  }, 360_000);
});
