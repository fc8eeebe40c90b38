import { randomBytes, randomUUID } from 'node:crypto';
import type { WaybillError } from '@waybill/kernel';
import type {
  CheckCode,
  Connector,
  Credentials,
  Environment,
  EventBatch,
  EventOutcome,
  EventRecord,
  EventSink,
  Proof,
} from './port.js';
import { abortedAfter } from './testing/proofs.js';

type Target = Readonly<Record<string, unknown>>;

/** A counterpart with an account and a target on it. */
export interface EventDestination {
  readonly connector: Connector;
  /** The same with deadlines so short that a silent partner is left within a second or two; default `connector`. */
  readonly impatient?: Connector;
  /** Right ones, with no findings yet: the suite takes those of the proofs. */
  readonly credentials: Credentials;
  readonly wrongCredentials: { readonly credentials: Credentials; readonly code: CheckCode };
  readonly target: Target;
  /** A stream or a hub that is not there. */
  readonly missingTarget: Target;
  readonly partner: EventPartner;
  /** Absent at a real service. */
  readonly faults?: EventFaults;
  close(): Promise<void>;
}

/** The partner's own eyes, not through the connector. */
export interface EventPartner {
  /** All that the target holds, records of one key in their order; only the suite writes to it. */
  received(): Promise<readonly EventRecord[]>;
}

/** Each for the next request to send, once, but for `deny` (until the suite ends). */
export interface EventFaults {
  /** Refuses the whole request, since too much came. */
  throttle(): void;
  /** Breaks inside, before anything is kept. */
  breakDown(): void;
  /** Keeps the records; the connection breaks before the answer. */
  loseAnswer(): void;
  /** Never answers; resolves when it was asked. */
  hang(): Promise<void>;
  /** Takes the right to send away. */
  deny(): void;
}

export interface EventConnectorFeatures {
  /** Whether properties beside the data arrive. */
  readonly properties: boolean;
  /** Whether the partner tells where a record landed. */
  readonly places: boolean;
  /** A real service: it stands at a public address, and nobody can make it misbehave. */
  readonly real?: boolean;
}

const NEVER = new AbortController().signal;

const bytesOf = (size: number, seed: string): Buffer => Buffer.alloc(size, seed);

const failedIn = (proof: Proof): readonly string[] =>
  proof.checks.filter(({ outcome }) => outcome === 'failed').map(({ code }) => code.split('/')[0] ?? '');

/** What every connector that delivers events must hold. `open` starts or finds the counterpart. */
export const eventConnectorContract = (
  open: () => Promise<EventDestination>,
  features: EventConnectorFeatures,
): void => {
  let destination: EventDestination;
  let credentials: Credentials;
  let sink: EventSink;
  const environment = (more: Partial<Environment> = {}): Environment => ({
    allowPrivateNetworks: true,
    signal: NEVER,
    ...more,
  });
  const connector = () => destination.connector;
  const freshKey = () => `key-${randomUUID()}`;
  const arrived = async (keys: readonly string[]) =>
    (await destination.partner.received()).filter(({ key }) => keys.includes(key));

  /** A batch of these; all of them must fit. */
  const batchOf = async (records: readonly EventRecord[]): Promise<EventBatch> => {
    const batch = await sink.openBatch(sink.bucketOf(records[0]!.key));
    expect(records.map((record) => batch.add(record))).toEqual(records.map(() => 'added'));
    return batch;
  };

  /** Sends again what a busy service did not take, as a sender does. */
  const sendAll = async (records: readonly EventRecord[]): Promise<readonly EventOutcome[]> => {
    let left = records;
    for (let tries = 1; ; tries += 1) {
      const outcomes = await (await batchOf(left)).send(NEVER);
      expect(outcomes).toHaveLength(left.length);
      left = left.filter((_, position) => !outcomes[position]!.sent);
      const refusal = outcomes.find((outcome) => !outcome.sent && (outcome.kind === 'refused' || tries === 20));
      if (left.length === 0 || refusal) return refusal ? [refusal] : outcomes;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  };

  beforeAll(async () => {
    destination = await open();
    const account = await connector().proveCredentials(destination.credentials, environment());
    const target = await connector().proveTarget(destination.credentials, destination.target, environment());
    credentials = { ...destination.credentials, findings: { ...account.findings, ...target.findings } };
    sink = await connector().openEventSink!(credentials, destination.target, environment());
  }, 60_000);

  afterAll(async () => {
    await sink?.close();
    await destination?.close();
  });

  describe('proofs', () => {
    const expectCompleteChecks = (proof: Proof, { authentication }: Credentials = credentials) => {
      for (const check of proof.checks) {
        expect(check).toMatchObject({
          name: expect.stringMatching(/\S/) as unknown,
          call: expect.stringMatching(/\S/) as unknown,
          resource: expect.stringMatching(/^[a-z0-9]+:\S/) as unknown,
          message: expect.stringMatching(/\S/) as unknown,
        });
        expect(check.code.startsWith('ok')).toBe(check.outcome === 'passed');
        if (check.outcome === 'failed') expect(check.remedy).toMatch(/\S/);
      }
      expect(new Set(proof.checks.map(({ name }) => name)).size).toBe(proof.checks.length);
      const report = JSON.stringify(proof);
      for (const name of ['secretAccessKey', 'sasKey', 'connectionString']) {
        const secret = authentication[name];
        if (typeof secret === 'string') expect(report).not.toContain(secret);
      }
    };

    it('pass right credentials and a target that is there, and put nothing into it', async () => {
      const before = (await destination.partner.received()).length;
      const account = await connector().proveCredentials(destination.credentials, environment());
      const target = await connector().proveTarget(credentials, destination.target, environment());
      for (const proof of [account, target]) {
        expect(proof.checks.filter(({ outcome, optional }) => outcome === 'failed' && !optional)).toEqual([]);
        expect(proof.outcome).toBe('passed');
        expect(proof.checks.length).toBeGreaterThan(0);
        expectCompleteChecks(proof);
      }
      expect((await destination.partner.received()).length).toBe(before);
    });

    it('put a test record where one is asked for, and nothing else', async () => {
      const record = {
        key: freshKey(),
        data: Buffer.from('{"waybill":{"test":true}}'),
        properties: { 'event-id': 'a' },
      };
      const before = (await destination.partner.received()).length;
      const proof = await connector().proveTarget(credentials, destination.target, environment(), record);
      expect(proof.outcome).toBe('passed');
      expectCompleteChecks(proof);
      const write = proof.checks.find(({ name }) => name === 'write');
      expect(write).toMatchObject({ outcome: 'passed', message: expect.stringContaining('test record') as unknown });
      expect((await destination.partner.received()).length).toBe(before + 1);
      const [received] = await arrived([record.key]);
      expect(record.data.equals(received!.data)).toBe(true);
      if (features.properties) expect(received!.properties).toEqual(record.properties);
    });

    it('fail wrong credentials with a code that names the cause, soon, and never show a secret', async () => {
      const { credentials: wrong, code } = destination.wrongCredentials;
      const started = performance.now();
      const proof = await connector().proveCredentials(wrong, environment());
      expect(proof.outcome).toBe('failed');
      expect(failedIn(proof)).toEqual([code]);
      expect(performance.now() - started).toBeLessThan(15_000);
      expectCompleteChecks(proof, wrong);
    });

    it('fail a target that is not there, and say so', async () => {
      const proof = await connector().proveTarget(credentials, destination.missingTarget, environment());
      expect(proof.outcome).toBe('failed');
      expect(failedIn(proof)).toContain('not-found');
      expectCompleteChecks(proof);
    });

    it('end with the reason of an abort', async () => {
      const signal = AbortSignal.abort(new Error('shutting down'));
      await expect(connector().proveCredentials(credentials, environment({ signal }))).rejects.toThrow('shutting down');
      await expect(connector().proveTarget(credentials, destination.target, environment({ signal }))).rejects.toThrow(
        'shutting down',
      );
    });

    if (!features.real)
      it('refuse a private address where the operator does not allow them; so does the sink', async () => {
        const publicOnly = environment({ allowPrivateNetworks: false });
        const proof = await connector().proveCredentials(destination.credentials, publicOnly);
        expect(failedIn(proof)).toEqual(['address-refused']);
        expectCompleteChecks(proof);
        const sending = async () => {
          const other = await connector().openEventSink!(credentials, destination.target, publicOnly);
          const batch = await other.openBatch(other.bucketOf('key'));
          batch.add({ key: 'key', data: Buffer.from('{}') });
          await batch.send(NEVER).finally(() => other.close());
        };
        await expect(sending()).rejects.toMatchObject({ slug: 'partner-rejected' });
      });
  });

  describe('records', () => {
    it('arrive byte for byte under their keys, each with an outcome', async () => {
      const key = freshKey();
      const others = [`Käufer "Ü" 名 ${randomUUID()}`, `${randomUUID()}${'k'.repeat(92)}`];
      const data = Buffer.concat([Buffer.from('{"näme":"名"}\n\0'), randomBytes(1_000)]);
      for (const each of [key, ...others]) {
        const outcomes = await sendAll([{ key: each, data, properties: { 'event-id': each } }]);
        const place = features.places ? { at: expect.stringMatching(/\S/) as unknown } : {};
        expect(outcomes).toEqual([{ sent: true, ...place }]);
      }
      for (const each of [key, ...others]) {
        const [received, ...more] = await arrived([each]);
        expect(more).toEqual([]);
        expect(data.equals(received!.data)).toBe(true);
        if (features.properties) expect(received!.properties).toEqual({ 'event-id': each });
      }
    });

    it('of one key arrive in the order of their requests', async () => {
      const key = freshKey();
      for (let number = 1; number <= 20; number += 1) await sendAll([{ key, data: Buffer.from(String(number)) }]);
      const numbers = (await arrived([key])).map(({ data }) => Number(Buffer.from(data).toString()));
      expect(numbers).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
    });

    it('share a batch when they are of one bucket', async () => {
      const keys = Array.from({ length: 50 }, freshKey);
      const bucket = sink.bucketOf(keys[0]!);
      const records = keys
        .filter((key) => sink.bucketOf(key) === bucket)
        .map((key) => ({ key, data: Buffer.from(`data of ${key}`) }));
      const batch = await batchOf(records);
      expect(batch.records).toBe(records.length);
      expect(batch.bytes).toBeGreaterThan(records.length * records[0]!.data.length);
      const outcomes = await batch.send(NEVER);
      expect(outcomes).toHaveLength(records.length);
      expect(outcomes.every(({ sent }) => sent)).toBe(true);
      expect((await arrived(keys)).length).toBe(records.length);
    });
  });

  describe('packing', () => {
    it('turns a record away that is too large for any batch, and takes its neighbours', async () => {
      const key = freshKey();
      const other = freshKey();
      const batch = await sink.openBatch(sink.bucketOf(key));
      expect(batch.add({ key, data: Buffer.from('before') })).toBe('added');
      expect(batch.add({ key: other, data: bytesOf(sink.mostRecordBytes + 1, 'x') })).toBe('too-large');
      expect(batch.records).toBe(1);
      expect((await batch.send(NEVER)).map(({ sent }) => sent)).toEqual([true]);
      expect((await arrived([key, other])).map(({ data }) => Buffer.from(data).toString())).toEqual(['before']);
    });

    it('fills a batch so far that the partner just takes it; what no longer fits goes into the next', async () => {
      const size = Math.floor(sink.mostRecordBytes * 0.3);
      const first = freshKey();
      const bucket = sink.bucketOf(first);
      const batch = await sink.openBatch(bucket);
      const records: EventRecord[] = [];
      // Keys of one bucket may be rare, and a batch that lands whole may hold one key often.
      const next = (): EventRecord => ({
        key: sink.atomicBatches ? first : freshKey(),
        data: bytesOf(size, randomUUID()),
      });
      let left = next();
      for (; batch.add(left) === 'added'; left = next()) records.push(left);
      expect(batch.add(left)).toBe('full');
      expect(batch.records).toBe(records.length);
      // The partner may be too slow for all at once, but must not find the request too large.
      const outcomes = await batch.send(NEVER);
      const failed = outcomes.flatMap((outcome) => (outcome.sent ? [] : [outcome.kind]));
      expect(failed.filter((kind) => kind !== 'throttled')).toEqual([]);
      await sendAll([left]);
      const keys = new Set([...records, left].map(({ key }) => key));
      expect((await arrived([...keys])).length).toBe(records.length + 1 - failed.length);
    });
  });

  it('a sink on a target that is not there says so', async () => {
    const sending = async () => {
      const other = await connector().openEventSink!(credentials, destination.missingTarget, environment());
      const batch = await other.openBatch(other.bucketOf('key'));
      batch.add({ key: 'key', data: Buffer.from('{}') });
      await batch.send(NEVER).finally(() => other.close());
    };
    await expect(sending()).rejects.toMatchObject({ slug: 'partner-target-missing', kind: 'refused' });
  });

  it('a sink may be closed twice', async () => {
    const other = await connector().openEventSink!(credentials, destination.target, environment());
    await other.close();
    await other.close();
  });

  describe('what goes wrong', () => {
    const whereFaultsCanBeHad = features.real ? it.skip : it;
    const faulty = (name: string, body: (faults: EventFaults) => Promise<void>) =>
      whereFaultsCanBeHad(name, () => body(destination.faults!));
    const record = (): EventRecord => ({ key: freshKey(), data: Buffer.from('{}') });

    /** Either way of saying that it may go better next time: of each record, or of the destination. */
    const expectWorthARetry = async (sending: Promise<readonly EventOutcome[]>): Promise<void> => {
      const told = await sending.then(
        (outcomes) => outcomes.map((outcome) => (outcome.sent ? 'sent' : outcome.kind)),
        (error: Partial<WaybillError>) => [error.kind],
      );
      expect(['failed', 'unavailable']).toContain(told[0]);
      expect(new Set(told).size).toBe(1);
    };

    faulty('throttling is told of each record', async (faults) => {
      const key = freshKey();
      const records = [key, ...(sink.atomicBatches ? [key] : [freshKey()])].map((each) => ({ ...record(), key: each }));
      const batch = await batchOf(records);
      faults.throttle();
      const outcomes = await batch.send(NEVER);
      expect(outcomes).toEqual(
        records.map(() => ({
          sent: false,
          kind: 'throttled',
          code: expect.stringMatching(/\S/) as unknown,
          message: expect.stringMatching(/\S/) as unknown,
          ...('waitMs' in outcomes[0]! ? { waitMs: expect.any(Number) as unknown } : {}),
        })),
      );
      expect((await sendAll(records)).every(({ sent }) => sent)).toBe(true);
    });

    faulty('a partner that breaks inside is worth another try', async (faults) => {
      const one = record();
      const batch = await batchOf([one]);
      faults.breakDown();
      await expectWorthARetry(batch.send(NEVER));
      await sendAll([one]);
      expect((await arrived([one.key])).length).toBe(1);
    });

    faulty('a lost answer is told as unknown, once, without a retry of its own', async (faults) => {
      const one = record();
      const batch = await batchOf([one]);
      faults.loseAnswer();
      await expectWorthARetry(batch.send(NEVER));
      expect((await arrived([one.key])).length).toBe(1);
      await sendAll([one]);
      expect((await arrived([one.key])).length).toBe(2);
    });

    faulty('a partner that never answers is left at the deadline', async (faults) => {
      const { impatient = connector(), target } = destination;
      const own = await impatient.openEventSink!(credentials, target, environment());
      const { key, data } = record();
      const batch = await own.openBatch(own.bucketOf(key));
      expect(batch.add({ key, data })).toBe('added');
      void faults.hang();
      const started = performance.now();
      await expectWorthARetry(batch.send(NEVER));
      expect(performance.now() - started).toBeLessThan(15_000);
      await own.close();
    });

    faulty('an abort ends a request in flight with its reason', async (faults) => {
      const batch = await batchOf([record()]);
      // Before it was asked, nothing is in flight, and the fault would befall the next request.
      const signal = abortedAfter(faults.hang());
      await expect(batch.send(signal)).rejects.toThrow('shutting down');
      await sendAll([record()]);
    });

    faulty('a right that was taken away concerns the whole destination', async (faults) => {
      faults.deny();
      const sending = async () => (await batchOf([record()])).send(NEVER);
      await expect(sending()).rejects.toMatchObject({ slug: 'partner-permission-denied', kind: 'refused' });
      const test = record();
      const proof = await connector().proveTarget(credentials, destination.target, environment(), test);
      expect(proof.outcome).toBe('failed');
      expect(failedIn(proof)).toContain('permission-denied');
      expect(proof.checks.find(({ name }) => name === 'write')?.outcome).not.toBe('passed');
      expect(await arrived([test.key])).toEqual([]);
    });
  });
};
