import type { TopicReport } from '@waybill/messaging/kafka';

/** What an operator reads: a line for each topic that is not simply fine, and the sum. */
export const linesOf = (reports: readonly TopicReport[]): readonly string[] => {
  const lines = reports.filter(({ state }) => state !== 'fine').flatMap(linesOfTopic);
  const counts = Object.entries(Object.groupBy(reports, ({ state }) => state));
  return [...lines, `${reports.length} topics: ${counts.map(([state, of]) => `${of.length} ${state}`).join(', ')}`];
};

const linesOfTopic = ({ name, state, wanted, partitions, settings }: TopicReport): readonly string[] => {
  const head = `${state.padEnd(8)} ${name}`;
  if (state === 'missing') return [`${head}: waybill topics apply makes it, with ${wanted} partitions`];
  if (state === 'made') return [`${head}, ${wanted} partitions`];
  const differences = settings.map((setting) =>
    state === 'changed'
      ? `${setting.name} from ${setting.is} to ${setting.wanted}`
      : `${setting.name} is ${setting.is} and should be ${setting.wanted}`,
  );
  if (partitions !== undefined && partitions !== wanted) differences.unshift(aboutPartitions(partitions, wanted));
  return differences.map((difference) => `${head}: ${difference}`);
};

const aboutPartitions = (is: number, wanted: number): string =>
  is < wanted
    ? `${is} partitions and should have ${wanted}. Nothing was changed: more partitions send keys to other ones, where they ` +
      'overtake their past. With every process stopped and every lag at 0, add them with Kafka’s own kafka-topics --alter'
    : `${is} partitions and should have ${wanted}. Kafka cannot take partitions away: empty it, delete it, and apply again`;
