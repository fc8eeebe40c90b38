export { connectKafka, type KafkaConnection } from './connection.js';
export * from './message-bus.js';
export { applyTopics, checkTopics, topicsOfDeployment, type TopicReport } from './topics.js';
