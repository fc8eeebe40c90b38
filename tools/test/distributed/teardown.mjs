export default () => globalThis.kafkaOfTheTier?.stop();
