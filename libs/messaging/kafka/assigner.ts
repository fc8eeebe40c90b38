import { AssignerProtocol, type Assignment, type PartitionAssigner } from 'kafkajs';

const { MemberAssignment, MemberMetadata } = AssignerProtocol;
const NAME = 'WaybillBySubscription';
const NOTHING = Buffer.alloc(0);

/**
 * Partitions go to those members of the group that read their topic, evenly. (kafkajs' own assigner gives to every member
 * what the leader reads, but a service reads several topics in one group, each by a subscription of its own.)
 *
 * `beforeJoin` is awaited each time before the member asks for its share again: as long as it does, the partitions it has
 * go to nobody else. kafkajs announces a rebalance but waits for nobody, and looking up the coordinator is its first step.
 */
export const bySubscription =
  (beforeJoin: () => Promise<void>): PartitionAssigner =>
  ({ cluster }) => {
    const findGroupCoordinator = cluster.findGroupCoordinator.bind(cluster);
    cluster.findGroupCoordinator = async (group) => {
      await beforeJoin();
      return findGroupCoordinator(group);
    };
    return {
      name: NAME,
      version: 0,

      protocol: ({ topics }) => ({
        name: NAME,
        metadata: MemberMetadata.encode({ version: 0, topics, userData: NOTHING }),
      }),

      async assign({ members }) {
        const readers = members.map(({ memberId, memberMetadata }) => ({
          memberId,
          topics: MemberMetadata.decode(memberMetadata)?.topics ?? [],
        }));
        const topics = [...new Set(readers.flatMap((reader) => reader.topics))];
        await cluster.addMultipleTargetTopics(topics);
        const counts = new Map(topics.map((topic) => [topic, cluster.findTopicPartitionMetadata(topic).length]));
        return [...share(readers, counts)].map(([memberId, assignment]) => ({
          memberId,
          memberAssignment: MemberAssignment.encode({ version: 0, assignment, userData: NOTHING }),
        }));
      },
    };
  };

/** Each partition to the reader of its topic that has the fewest so far; the same members get the same shares. */
export const share = (
  members: readonly { readonly memberId: string; readonly topics: readonly string[] }[],
  partitionCounts: ReadonlyMap<string, number>,
): ReadonlyMap<string, Assignment> => {
  const shares = [...members]
    .sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
    .map(({ memberId, topics }) => ({ memberId, topics, size: 0, assignment: new Map<string, number[]>() }));
  for (const [topic, count] of [...partitionCounts].sort()) {
    const readers = shares.filter(({ topics }) => topics.includes(topic));
    for (let partition = 0; partition < count; partition++) {
      const next = readers.reduce((least, reader) => (reader.size < least.size ? reader : least));
      next.assignment.set(topic, [...(next.assignment.get(topic) ?? []), partition]);
      next.size += 1;
    }
  }
  return new Map(shares.map(({ memberId, assignment }) => [memberId, Object.fromEntries(assignment)]));
};
