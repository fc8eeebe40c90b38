import { Inject, Injectable, Logger } from '@nestjs/common';
import { messageOf } from '@waybill/kernel';
import { CONFIGURATION, type Configuration, type Worker } from '@waybill/service-kit';
import { DeadLetters } from './dead-letters.js';

const LOOK_MS = 3_600_000;

/** Deletes dead letters that nobody wanted for days: a stream that refuses some people would gather them without end. */
@Injectable()
export class ForgetDeadLetters implements Worker {
  private readonly log = new Logger('dead letters');
  private readonly stopping = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private forgetting: Promise<void> = Promise.resolve();

  constructor(
    @Inject(DeadLetters) private readonly deadLetters: DeadLetters,
    @Inject(CONFIGURATION) private readonly configuration: Configuration,
  ) {}

  start(): void {
    const look = () => void (this.forgetting = this.forget());
    look();
    this.timer = setInterval(look, LOOK_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.stopping.abort();
    await this.forgetting;
  }

  private async forget(): Promise<void> {
    const { deadLettersKeptDays: days } = this.configuration;
    try {
      const forgotten = await this.deadLetters.forgetOld(days, this.stopping.signal);
      if (forgotten > 0) this.log.log(`${forgotten} dead letters older than ${days} days were deleted`);
    } catch (error) {
      this.log.warn(`old dead letters are deleted later: ${messageOf(error)}`);
    }
  }
}
