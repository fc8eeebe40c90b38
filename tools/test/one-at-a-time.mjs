import TestRunner from 'jest-runner';

/** Runs the files of a tier one after the other: a journey starts whole servers, and wants the machine for itself. */
export default class OneAtATime extends TestRunner {
  constructor(globalConfig, context) {
    super({ ...globalConfig, maxWorkers: 1 }, context);
  }
}
