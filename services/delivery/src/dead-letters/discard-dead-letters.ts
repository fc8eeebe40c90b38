import { Inject, Injectable } from '@nestjs/common';
import { DeadLettersDiscarded, readMessage } from '@waybill/contracts';
import type { ReceivedMessage } from '@waybill/messaging';
import type { Listener } from '@waybill/service-kit';
import { DeadLetters } from './dead-letters.js';

/** Deletes what is on record as discarded: a process that died in between leaves it to the next. */
@Injectable()
export class DiscardDeadLetters implements Listener {
  readonly listensTo = [DeadLettersDiscarded.type];

  constructor(@Inject(DeadLetters) private readonly deadLetters: DeadLetters) {}

  async receive(message: ReceivedMessage): Promise<void> {
    const { destinationId, filter } = readMessage(DeadLettersDiscarded, message.data);
    await this.deadLetters.discard(message, destinationId, filter);
  }
}
