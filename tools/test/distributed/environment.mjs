// Journeys do not know what they run on: here they are told that it is separate services, or skipped where there is no Kafka.
import { TestEnvironment } from 'jest-environment-node';

export default class DistributedEnvironment extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    this.global.process.env.WAYBILL_TEST_BACKBONE = 'distributed'; // a copy, of this file of tests alone
  }

  handleTestEvent({ name }, { rootDescribeBlock }) {
    const reason = process.env.WAYBILL_TEST_NO_DISTRIBUTED;
    if (name !== 'run_start' || reason === undefined) return;
    for (const child of rootDescribeBlock.children) {
      child.name = `separate services: ${child.name} [could not run here: ${reason}]`;
      skip(child);
    }
  }
}

const skip = (block) => {
  block.mode = 'skip';
  block.children?.forEach(skip);
};
