import {
  mappedAttributes,
  type MembershipNow,
  membershipsAt,
  type ProfileChange,
  type SinceBySegment,
  verdictOn,
} from './trigger.js';

const since = '2026-11-22T08:00:00.000Z';
const segments: SinceBySegment = new Map([
  ['s', 10],
  ['t', 20],
]);
const changed = (change: number, more: Partial<ProfileChange> = {}): ProfileChange => ({
  change,
  memberships: {},
  identitiesChanged: false,
  attributesWritten: [],
  attributesChanged: [],
  ...more,
});
const now = (segmentId: string, status: MembershipNow['status'], change: number): MembershipNow => ({
  segmentId,
  status,
  since,
  change,
});
const moved = (segmentId: string, status: 'realized' | 'exited') => ({ [segmentId]: { status, since } });
const member = [now('s', 'realized', 5)];
const mapped = new Set(['name']);
const on = (change: ProfileChange, memberships: readonly MembershipNow[] = member, onlyChanges = false) => {
  const verdict = verdictOn(change, memberships, segments, mapped, onlyChanges);
  return verdict.send ? 'sent' : verdict.reason;
};

describe('A change', () => {
  it.each<[string, ProfileChange, string]>([
    ['who enters', changed(11, { memberships: moved('s', 'realized') }), 'sent'],
    ['who leaves', changed(11, { memberships: moved('s', 'exited') }), 'sent'],
    ['identities', changed(11, { identitiesChanged: true }), 'sent'],
    ['a mapped attribute', changed(11, { attributesWritten: ['x', 'name'], attributesChanged: ['name'] }), 'sent'],
    ['a mapped attribute, same value', changed(11, { attributesWritten: ['name'] }), 'sent'],
    [
      'an attribute that is not mapped',
      changed(11, { attributesWritten: ['x'], attributesChanged: ['x'] }),
      'not-mapped',
    ],
    ['a segment of another destination', changed(11, { memberships: moved('other', 'realized') }), 'not-mapped'],
    ['a segment that was activated later', changed(15, { memberships: moved('t', 'realized') }), 'not-mapped'],
  ])('of %s', (_, change, outcome) => {
    expect(on(change)).toBe(outcome);
  });

  it('with the same value is left out where only changes count, and no other', () => {
    expect(on(changed(11, { attributesWritten: ['name'] }), member, true)).toBe('unchanged');
    expect(on(changed(11, { attributesWritten: ['x'] }), member, true)).toBe('not-mapped');
    expect(on(changed(11, { attributesWritten: ['name'], attributesChanged: ['name'] }), member, true)).toBe('sent');
    expect(on(changed(11, { identitiesChanged: true }), member, true)).toBe('sent');
  });

  it('of somebody who is in no active segment is not told', () => {
    const written = changed(11, { attributesWritten: ['name'], identitiesChanged: true });
    expect(on(written, [])).toBe('not-a-member');
    expect(on(written, [now('s', 'exited', 5)])).toBe('not-a-member');
    expect(on(written, [now('t', 'realized', 5)])).toBe('not-a-member');
  });

  it('of attributes, before the profile left or came back, is left to the event of that', () => {
    expect(on(changed(11, { attributesWritten: ['name'] }), [now('s', 'exited', 12)])).toBe('overtaken');
  });
});

describe('Memberships as of a change', () => {
  it('are those it brought, and those that did not change since', () => {
    const change = changed(30, { memberships: { ...moved('s', 'exited'), ...moved('other', 'realized') } });
    expect(membershipsAt(change, [now('s', 'realized', 31), now('t', 'realized', 25)], segments)).toMatchObject([
      { segmentId: 's', status: 'exited' },
      { segmentId: 't', status: 'realized' },
    ]);
    expect(membershipsAt(change, [now('t', 'realized', 31)], segments)).toMatchObject([{ segmentId: 's' }]);
  });
});

it('An attribute that is mapped by a path is written with the attribute that the path begins with', () => {
  const field = (source: string) => ({ source, target: source, required: false, key: false });
  expect(
    mappedAttributes([field('attributes.a.b.c'), field('attributes.d'), field('identities.e'), field('profile.id')]),
  ).toEqual(new Set(['a.b.c', 'a', 'd']));
});
