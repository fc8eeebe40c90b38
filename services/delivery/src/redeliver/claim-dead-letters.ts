import { Inject, Injectable } from '@nestjs/common';
import { readMessage, RedeliveryRequested } from '@waybill/contracts';
import type { ReceivedMessage } from '@waybill/messaging';
import type { Listener } from '@waybill/service-kit';
import { StreamWorker } from '../send-events/stream-worker.js';
import { Redeliveries } from './redelivery-counts.js';

/** Begins a redelivery once it is on record: a process that died in between leaves it to the next. */
@Injectable()
export class ClaimDeadLetters implements Listener {
  readonly listensTo = [RedeliveryRequested.type];

  constructor(
    @Inject(Redeliveries) private readonly redeliveries: Redeliveries,
    @Inject(StreamWorker) private readonly worker: StreamWorker,
  ) {}

  async receive(message: ReceivedMessage): Promise<void> {
    const { redeliveryId, destinationId, filter } = readMessage(RedeliveryRequested, message.data);
    await this.redeliveries.claim(message, destinationId, filter, redeliveryId);
    this.worker.ring();
  }
}
