import { Inject, Injectable } from '@nestjs/common';
import { type AnswerOf, ForgetProfile, readMessage } from '@waybill/contracts';
import type { ReceivedMessage } from '@waybill/messaging';
import type { Answerer } from '@waybill/service-kit';
import { DeadLetters } from './dead-letters.js';

/** An erased profile leaves the dead letters too. */
@Injectable()
export class AnswerForgetProfile implements Answerer {
  readonly answers = ForgetProfile.type;

  constructor(@Inject(DeadLetters) private readonly deadLetters: DeadLetters) {}

  async answer(message: ReceivedMessage): Promise<AnswerOf<typeof ForgetProfile>> {
    const { profileKey } = readMessage(ForgetProfile, message.data);
    return { deadLetters: await this.deadLetters.forget(message, profileKey) };
  }
}
