import { share } from './assigner.js';

const counts = new Map([
  ['a', 6],
  ['b', 4],
]);
const sizes = (shares: ReturnType<typeof share>) =>
  Object.fromEntries(
    [...shares].map(([id, of]) => [id, Object.values(of).reduce((sum, each) => sum + each.length, 0)]),
  );

describe('The shares of a group', () => {
  it('hold every partition once, and only topics that the member reads', () => {
    const shares = share(
      [
        { memberId: 'both', topics: ['a', 'b'] },
        { memberId: 'one', topics: ['a'] },
      ],
      counts,
    );
    expect(shares.get('one')).not.toHaveProperty('b');
    const all = [...shares.values()].flatMap((of) =>
      Object.entries(of).flatMap(([topic, ps]) => ps.map((p) => topic + p)),
    );
    expect(all.sort()).toEqual(['a0', 'a1', 'a2', 'a3', 'a4', 'a5', 'b0', 'b1', 'b2', 'b3']);
  });

  it('are as even as they can be', () => {
    const member = (memberId: string) => ({ memberId, topics: ['a', 'b'] });
    expect(sizes(share(['x', 'y', 'z'].map(member), counts))).toEqual({ x: 4, y: 3, z: 3 });
  });

  it('do not depend on the order in which the members are named', () => {
    const members = ['x', 'y', 'z'].map((memberId) => ({ memberId, topics: ['a', 'b'] }));
    expect(share([...members].reverse(), counts)).toEqual(share(members, counts));
  });
});
