import { isWaybillError } from '@waybill/kernel';
import type { EventsPage, ProfileEvent } from '@waybill/delivery';
import fc from 'fast-check';
import { openStreamScene, payloadsOf, type StreamSandbox, type StreamScene } from './testing/stream-scene.js';

const PROFILES = ['a', 'b', 'c'];
const SEGMENTS = ['s', 't'];
const profile = fc.constantFrom(...PROFILES);
const segment = fc.constantFrom(...SEGMENTS);

const STEP = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('enter' as const), profile, segment }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('leave' as const), profile, segment }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('write' as const), profile, segment }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('activate' as const), segment }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('deactivate' as const), segment }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('hear' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('read' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('backfill' as const), segment }) },
);
type Step = typeof STEP extends fc.Arbitrary<infer T> ? T : never;

/** A backfill that is read while the live lane is inside of a change: of the profiles up to there it has passed the change. */
const INSIDE_OF_A_CHANGE: readonly Step[] = [
  { do: 'enter', profile: 'a', segment: 't' },
  { do: 'activate', segment: 't' },
  { do: 'hear' },
  { do: 'write', profile: 'a', segment: 's' },
  { do: 'write', profile: 'a', segment: 's' },
  { do: 'read' },
  { do: 'activate', segment: 's' },
  { do: 'hear' },
  { do: 'backfill', segment: 't' },
  { do: 'read' },
  { do: 'write', profile: 'a', segment: 's' },
  { do: 'leave', profile: 'a', segment: 's' },
  { do: 'enter', profile: 'a', segment: 's' },
  { do: 'deactivate', segment: 's' },
  { do: 'enter', profile: 'a', segment: 's' },
];

/** Told under an activation that has ended already, and left before the next one was heard of. */
const LEFT_BETWEEN_ACTIVATIONS: readonly Step[] = [
  { do: 'enter', profile: 'a', segment: 's' },
  { do: 'activate', segment: 's' },
  { do: 'hear' },
  { do: 'read' },
  { do: 'deactivate', segment: 's' },
  { do: 'activate', segment: 's' },
  { do: 'write', profile: 'a', segment: 's' },
  { do: 'read' },
  { do: 'leave', profile: 'a', segment: 's' },
  { do: 'hear' },
  { do: 'hear' },
];

/** Reads one page at a time, as a sender does, and sends at once. */
class Reader {
  readonly sent: {
    readonly event: ProfileEvent;
    readonly ups: Readonly<Record<string, string>>;
    readonly name: unknown;
  }[] = [];
  private reached: string | null = null;
  /** Backfills that are not done, with where they are. */
  private readonly backfills = new Map<string, string | null>();

  constructor(
    private readonly on: StreamSandbox,
    private readonly destinationId: string,
  ) {}

  begin(segmentId: string): void {
    this.backfills.set(segmentId, null);
    this.forget(segmentId);
  }

  /** What was told of an activation that ended does not count for the next. */
  forget(segmentId: string): void {
    for (const { ups } of this.sent) delete (ups as Record<string, string>)[segmentId];
  }

  end(segmentId: string): void {
    this.backfills.delete(segmentId);
  }

  async live(): Promise<boolean> {
    const page = await this.on.live(this.destinationId, this.reached, { max: 2 });
    this.reached = page.reached;
    return this.send(page);
  }

  async backfill(segmentId: string): Promise<boolean> {
    const after = this.backfills.get(segmentId);
    if (after === undefined) return false;
    const question = this.on.question(this.destinationId, { max: 2 });
    try {
      const page = await this.on.source.backfill(question, segmentId, after, this.reached);
      if (page.more) this.backfills.set(segmentId, page.reached === '' ? null : page.reached);
      else this.end(segmentId);
      return this.send(page);
    } catch (error) {
      if (isWaybillError(error) && error.slug === 'activation-unheard') return true;
      throw error;
    }
  }

  private send(page: EventsPage): boolean {
    payloadsOf(page).forEach((payload, index) => {
      const ups = Object.entries(payload.segmentMembership.ups).map(
        ([id, { status, lastQualificationTime }]) => [id, `${lastQualificationTime} ${status}`] as const,
      );
      this.sent.push({
        event: page.events[index] as ProfileEvent,
        ups: Object.fromEntries(ups),
        name: payload['name'],
      });
    });
    return page.more;
  }
}

describe('Whatever happens in between', () => {
  let scene: StreamScene;

  beforeAll(async () => {
    scene = await openStreamScene();
  });
  afterAll(() => scene.close());

  const run = async (steps: readonly Step[]) => {
    const on = scene.sandbox();
    const field = { source: 'attributes.name', target: 'name', required: false, key: false };
    const destinationId = on.destination([field]);
    const reader = new Reader(on, destinationId);
    const messages: (() => Promise<void>)[] = [];
    /** By profile and segment: time and status, as they are sent. */
    const truth = new Map<string, string>();
    const names = new Map<string, number>();
    let minute = 0;
    const report = async (profileId: string, segmentId: string, status: 'realized' | 'exited', name?: number) => {
      minute += 1;
      const key = `${profileId}/${segmentId}`;
      if (truth.get(key)?.endsWith(status) !== true) {
        truth.set(key, `${new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString()} ${status}`);
      }
      if (name !== undefined) names.set(profileId, name);
      await on.report(profileId, segmentId, status, name === undefined ? {} : { attributes: { name } });
    };
    const isActive = (segmentId: string) =>
      on.activationsOf(destinationId).some((activation) => activation.segmentId === segmentId);

    for (const step of steps) {
      if (step.do === 'enter') await report(step.profile, step.segment, 'realized');
      else if (step.do === 'leave') await report(step.profile, step.segment, 'exited');
      else if (step.do === 'write') await report(step.profile, step.segment, 'realized', minute);
      else if (step.do === 'hear') await messages.shift()?.();
      else if (step.do === 'read') await reader.live();
      else if (step.do === 'backfill') await reader.backfill(step.segment);
      else if (step.do === 'activate' && !isActive(step.segment)) {
        const hear = on.decideActivation(destinationId, step.segment);
        // Between an activation's decision and its being heard of, changes may still be told under the one before.
        messages.push(async () => {
          await hear();
          reader.forget(step.segment);
        });
        reader.begin(step.segment);
      } else if (step.do === 'deactivate' && isActive(step.segment)) {
        messages.push(on.decideDeactivation(destinationId, step.segment));
        reader.end(step.segment);
      }
    }
    for (const hear of messages) await hear();
    while (await reader.live());
    for (const segmentId of SEGMENTS) while (await reader.backfill(segmentId));
    return { sent: reader.sent, truth, names, active: SEGMENTS.filter(isActive) };
  };

  it('in the end the partner knows how it is, and no older state followed a newer one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(STEP, { minLength: 15, maxLength: 45, size: 'max' }), async (steps) => {
        const { sent, truth, names, active } = await run(steps);
        for (const profileId of PROFILES) {
          const told = sent.filter(({ event }) => event.profileId === profileId);
          const sequences = told.map(({ event }) => event.change);
          expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
          for (const segmentId of SEGMENTS) {
            const states = told.flatMap(({ ups }) => ups[segmentId] ?? []);
            expect(states).toEqual(states.toSorted());
            if (!active.includes(segmentId)) continue;
            const state = truth.get(`${profileId}/${segmentId}`);
            if (state?.endsWith('realized') || states.length > 0) expect(states.at(-1)).toBe(state);
            if (state?.endsWith('realized')) expect(told.at(-1)?.name).toBe(names.get(profileId));
          }
        }
        const ids = sent.map(({ event }) => event.eventId);
        expect(new Set(ids).size).toBe(ids.length);
      }),
      {
        numRuns: 30,
        interruptAfterTimeLimit: 90_000,
        examples: [[[...INSIDE_OF_A_CHANGE]], [[...LEFT_BETWEEN_ACTIVATIONS]]],
      },
    );
  }, 120_000);
});
