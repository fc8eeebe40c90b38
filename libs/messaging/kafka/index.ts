export { type KafkaConnection } from './connection.js';
export * from './message-bus.js';
export { applyTopics, checkTopics, type TopicReport } from './topics.js';
