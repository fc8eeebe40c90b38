import { Inject, Injectable } from '@nestjs/common';
import { type AnswerOf, DescribeDelivery, readMessage } from '@waybill/contracts';
import type { ReceivedMessage } from '@waybill/messaging';
import type { Answerer } from '@waybill/service-kit';
import { describeForDelivery } from '../destination/index.js';
import { Destinations } from '../view/destinations.js';

/** What a run needs of a destination, fresh from its stream. */
@Injectable()
export class AnswerDescribeDelivery implements Answerer {
  readonly answers = DescribeDelivery.type;

  constructor(@Inject(Destinations) private readonly destinations: Destinations) {}

  async answer(message: ReceivedMessage): Promise<AnswerOf<typeof DescribeDelivery>> {
    const { destinationId } = readMessage(DescribeDelivery, message.data);
    const { state, revision } = await this.destinations.existing(message, destinationId);
    return describeForDelivery(state, revision);
  }
}
