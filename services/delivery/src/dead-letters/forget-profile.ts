import { Inject, Injectable } from '@nestjs/common';
import { type AnswerOf, ForgetProfile, readMessage } from '@waybill/contracts';
import type { ReceivedMessage } from '@waybill/messaging';
import type { Answerer } from '@waybill/service-kit';
import { ErasedProfiles } from '../send-events/index.js';
import { DeadLetters } from './dead-letters.js';

/** An erased profile leaves the dead letters too, and what waits to be sent. */
@Injectable()
export class AnswerForgetProfile implements Answerer {
  readonly answers = ForgetProfile.type;

  constructor(
    @Inject(DeadLetters) private readonly deadLetters: DeadLetters,
    @Inject(ErasedProfiles) private readonly erased: ErasedProfiles,
  ) {}

  async answer(message: ReceivedMessage): Promise<AnswerOf<typeof ForgetProfile>> {
    const { profileKey, erasedAt } = readMessage(ForgetProfile, message.data);
    if (erasedAt !== undefined) await this.erased.note(message, profileKey, erasedAt);
    return { deadLetters: await this.deadLetters.forget(message, profileKey) };
  }
}
