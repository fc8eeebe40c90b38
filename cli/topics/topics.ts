import { applyTopics, checkTopics, topicsOfDeployment, type TopicReport, withAdmin } from '@waybill/messaging/kafka';
import { type Command, type CommandContext, UsageError } from '../command.js';
import { linesOf } from './report.js';

export const applyCommand: Command = {
  summary: 'make the topics that are missing and bring their settings to what is declared',
  run: (context) =>
    reported(context, (kafka) =>
      withAdmin(kafka, (admin) => applyTopics(admin, topicsOfDeployment(), kafka.replication)),
    ),
};

export const checkCommand: Command = {
  summary: 'say what is missing or differs, and change nothing',
  run: (context) => reported(context, (kafka) => withAdmin(kafka, (admin) => checkTopics(admin, topicsOfDeployment()))),
};

type KafkaSettings = Extract<CommandContext['configuration']['messaging'], { engine: 'kafka' }>['kafka'];

const reported = async (
  { configuration: { messaging }, print }: CommandContext,
  work: (kafka: KafkaSettings) => Promise<readonly TopicReport[]>,
): Promise<number> => {
  if (messaging.engine !== 'kafka') {
    throw new UsageError('Topics are Kafka’s: set WAYBILL_KAFKA_BROKERS. On PostgreSQL the services make their own.');
  }
  const reports = await work(messaging.kafka);
  linesOf(reports).forEach(print);
  return reports.every(({ state }) => state === 'fine' || state === 'made' || state === 'changed') ? 0 : 1;
};
