export { connectKafka, type KafkaConnection, withAdmin } from './connection.js';
export * from './message-bus.js';
export { applyTopics, checkTopics, topicsOfDeployment, type TopicReport } from './topics.js';
