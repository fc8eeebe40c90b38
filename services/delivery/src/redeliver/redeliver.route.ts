import { Body, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse } from '@nestjs/swagger';
import { DescribeDelivery } from '@waybill/contracts';
import { type CommandContext, idFrom, WaybillError } from '@waybill/kernel';
import { Context, Outcome, SERVICE, ServiceController, type Service, Summary } from '@waybill/service-kit';
import { IsBoolean, IsOptional } from 'class-validator';
import { DeadLetterForm, filterOf } from '../dead-letters/dead-letter-form.js';
import { DeadLetters } from '../dead-letters/dead-letters.js';
import { refuseWhenDisabled } from '../refuse-when-disabled.js';
import { RequestedRedeliveryView } from '../view/redelivery.view.js';
import { redeliveryStream, redeliveryStreamOf } from '../stream.js';

/** At least one of what names dead letters is to be given. */
export class RedeliverForm extends DeadLetterForm {
  /** Only tells what would be redelivered. */
  @IsOptional()
  @IsBoolean()
  dryRun?: boolean;
}

@ServiceController('v1/destinations/:id/redeliveries', 'delivery')
export class RedeliverRoute {
  constructor(
    @Inject(SERVICE) private readonly service: Service,
    @Inject(DeadLetters) private readonly deadLetters: DeadLetters,
  ) {}

  /**
   * Tells the partner of the profiles that dead letters are about, as each is now, marked `replay: true`. It takes its time:
   * live changes go first. What is sent is a dead letter no more; what fails again stays one.
   */
  @Post()
  @Summary('Deliver dead letters again')
  @HttpCode(202)
  @ApiAcceptedResponse({ type: RequestedRedeliveryView })
  @ApiOkResponse({ type: RequestedRedeliveryView, description: 'Of a dry run.' })
  async redeliver(
    @Context() context: CommandContext,
    @Param('id') destinationId: string,
    @Body() { dryRun = false, ...form }: RedeliverForm,
  ) {
    const filter = filterOf(context, form);
    if (Object.keys(filter).length === 0) throw whichOnes();
    const delivery = await this.service.ask(DescribeDelivery, { destinationId }, context);
    const found = await this.deadLetters.count(context, destinationId, filter);
    if (dryRun) return new Outcome({ dryRun, ...found }, { status: 200 });
    refuseWhenDisabled(delivery);
    const id = idFrom('redelivery', context.commandId);
    const { deadLetters } = found;
    const { revision, position } = await this.service.execute(
      redeliveryStream,
      redeliveryStreamOf(id),
      { type: 'RequestRedelivery', redeliveryId: id, destinationId, filter, deadLetters },
      context,
    );
    const location = `/v1/destinations/${destinationId}/redeliveries/${id}`;
    return new Outcome({ id, status: 'waiting', dryRun, ...found }, { status: 202, location, revision, position });
  }
}

const whichOnes = () =>
  new WaybillError(
    'redelivery-without-filter',
    'malformed',
    'Say which dead letters: by runId, from and to, code or profileId.',
  );
