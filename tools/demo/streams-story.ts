import { setTimeout as sleep } from 'node:timers/promises';
import { type EventHubsServer, startEventHubsServer } from '@waybill/testkit/event-hubs';
import { type KinesisServer, startKinesisServer } from '@waybill/testkit/kinesis';
import type { Api, CheckView } from './api.js';
import type { Narrator } from './narrator.js';

const SEGMENT = 'loyal-customers';
const STREAM = 'customer-changes';
const HUB = 'customer-changes';
const ARRIVAL_MS = 30_000;

/** A partner with a stream or a hub, as a destination names it and as its consumer reads it. */
interface StreamPartner {
  readonly type: string;
  readonly name: string;
  readonly authentication: Readonly<Record<string, unknown>>;
  readonly target: Readonly<Record<string, unknown>>;
  received(): readonly string[];
}

export interface StreamPartners {
  readonly partners: readonly StreamPartner[];
  stop(): Promise<void>;
}

/** Kinesis and Event Hubs of the test kit, with a stream and a hub that are there already. */
export const startStreamPartners = async (): Promise<StreamPartners> => {
  const kinesis = await startKinesisServer({ streams: { [STREAM]: 2 } });
  const hubs = await startEventHubsServer({ hubs: { [HUB]: 4 } });
  return {
    partners: [kinesisOf(kinesis), eventHubsOf(hubs)],
    stop: async () => void (await Promise.all([kinesis.stop(), hubs.stop()])),
  };
};

const kinesisOf = (server: KinesisServer): StreamPartner => {
  const { accessKeyId, secretAccessKey, region, endpoint } = server;
  return {
    type: 'amazon-kinesis',
    name: 'Amazon Kinesis',
    authentication: { method: 'access-key', accessKeyId, secretAccessKey, region, endpoint },
    target: { stream: STREAM, includeSegmentNames: true },
    received: () =>
      server
        .received(STREAM)
        .toSorted((a, b) => a.at - b.at)
        .map(({ data }) => data.toString('utf8')),
  };
};

const eventHubsOf = (server: EventHubsServer): StreamPartner => ({
  type: 'azure-event-hubs',
  name: 'Azure Event Hubs',
  authentication: { method: 'connection-string', connectionString: server.connectionString() },
  target: { eventHub: HUB, includeSegmentNames: true },
  received: () => server.received(HUB).map(({ body }) => body.toString('utf8')),
});

export interface StreamsCast {
  readonly api: Api;
  readonly partners: readonly StreamPartner[];
  readonly narrator: Narrator;
}

/** A segment goes to a stream and to a hub: who is in it already, and then each change as it happens. */
export const runStreamsStory = async ({ api, partners, narrator }: StreamsCast): Promise<void> => {
  const { step, tell, checks } = narrator;

  step('A segment with three customers');
  await api.put(`/v1/segments/${SEGMENT}`, { name: 'Loyal customers' });
  await report(api, [
    { id: 'c-1001', firstName: 'Ada', tier: 'gold' },
    { id: 'c-1002', firstName: 'Bob', tier: 'silver' },
    { id: 'c-1003', firstName: 'Cleo', tier: 'gold' },
  ]);
  tell('Ada, Bob and Cleo');

  const destinations: string[] = [];
  for (const { type, name, authentication, target } of partners) {
    step(`${name} is connected, after a live proof`);
    const account = await api.post<{ id: string; validation: { checks: CheckView[] } }>('/v1/accounts', {
      ...{ type, name, authentication },
    });
    checks(account.validation.checks);
    const { id } = await api.post<{ id: string }>('/v1/destinations', { accountId: account.id, name, target });
    const fields = ['firstName', 'tier'].map((attribute) => ({
      source: `attributes.${attribute}`,
      target: attribute === 'firstName' ? 'person.name.firstName' : 'loyalty.tier',
    }));
    await api.put(`/v1/destinations/${id}/mapping`, { fields });
    tell(`destination ${id}, two attributes mapped`);
    destinations.push(id);
  }

  step('The segment is activated on both: its members are told');
  for (const id of destinations) await api.put(`/v1/destinations/${id}/segments/${SEGMENT}`, {});
  for (const partner of partners) {
    const events = await arrived(partner, 3);
    tell(`${partner.name}: ${events.length} events; the last of them:`);
    show(narrator, events.at(-1));
  }

  step('Bob becomes a gold customer: one live change, on both');
  const changed = performance.now();
  await report(api, [{ id: 'c-1002', firstName: 'Bob', tier: 'gold' }]);
  for (const partner of partners) {
    const [event = ''] = (await arrived(partner, 4)).slice(3);
    expect(event.includes('"c-1002"') && event.includes('"gold"'), `${partner.name} was told of Bob's new tier`);
    tell(`${partner.name}, within ${Math.round(performance.now() - changed)} ms of the change being sent in:`);
    show(narrator, event);
  }

  step('The runs of this hour');
  for (const [index, id] of destinations.entries()) {
    const run = await settledRun(api, id, 4);
    const { read, written, skipped, failed } = run.counts;
    tell(
      `${partners[index]?.name}: ${read} changes taken up, ${written} settled, ${skipped} left out, ${failed} given up`,
    );
  }
  narrator.end('\nA segment and its changes arrived at a stream and at a hub, each event once, in order.');
};

interface RunView {
  readonly id: string;
  readonly counts: {
    readonly read: number;
    readonly written: number;
    readonly skipped: number;
    readonly failed: number;
  };
}

interface Customer {
  readonly id: string;
  readonly firstName: string;
  readonly tier: string;
}

const report = async (api: Api, customers: readonly Customer[]): Promise<void> => {
  const lines = customers.map(({ id, ...attributes }) =>
    JSON.stringify({ id, identities: { email: `${attributes.firstName.toLowerCase()}@example.com` }, attributes }),
  );
  const body = new Blob([lines.join('\n')]).stream();
  await api.upload(`/v1/segments/${SEGMENT}/members?mode=merge&identity=id`, 'application/x-ndjson', body);
};

const arrived = async (partner: StreamPartner, count: number): Promise<readonly string[]> => {
  for (const deadline = Date.now() + ARRIVAL_MS; ; await sleep(10)) {
    const events = partner.received();
    if (events.length >= count) return events;
    expect(Date.now() < deadline, `${partner.name} has ${count} events after ${ARRIVAL_MS / 1_000} s`);
  }
};

const settledRun = async (api: Api, destinationId: string, written: number): Promise<RunView> => {
  for (const deadline = Date.now() + ARRIVAL_MS; ; await sleep(100)) {
    const { items } = await api.get<{ items: RunView[] }>(`/v1/runs?destinationId=${destinationId}`);
    const [run] = items;
    if (run && run.counts.written >= written) return run;
    expect(Date.now() < deadline, `the run counts ${written} records`);
  }
};

const show = ({ tell }: Narrator, event: string | undefined): void => {
  for (const line of JSON.stringify(JSON.parse(event ?? 'null'), null, 2).split('\n')) tell(`  ${line}`);
};

function expect(holds: boolean, rule: string): void {
  if (!holds) throw new Error(`this does not hold: ${rule}`);
}
