import { Inject, Injectable } from '@nestjs/common';
import { errorOf } from '@waybill/contracts';
import type { CommandContext, Scope } from '@waybill/kernel';
import { type Executed, type Loaded, Outcome, SERVICE, type Service } from '@waybill/service-kit';
import {
  type Destination,
  type DestinationCommand,
  destinationNotFound,
  type DestinationState,
} from '../destination/index.js';
import type { OpenDestinationRequest } from '../destination/request/index.js';
import { destinationStream, destinationStreamOf, requestStream, requestStreamOf } from '../stream.js';
import { destinationView, type DestinationView } from './destination.view.js';

/** The destination aggregate and its requests as the slices use them. */
@Injectable()
export class Destinations {
  constructor(@Inject(SERVICE) private readonly service: Service) {}

  /** One that is not deleted, or `destination-not-found`. */
  async existing(
    scope: Scope,
    destinationId: string,
  ): Promise<Loaded<DestinationState> & { readonly state: Destination }> {
    const loaded = await this.service.load(destinationStream, destinationStreamOf(destinationId), scope);
    const { state } = loaded;
    if (state.status === 'none' || state.status === 'deleted') throw destinationNotFound();
    return { ...loaded, state };
  }

  execute(
    destinationId: string,
    command: DestinationCommand,
    context: CommandContext,
  ): Promise<Executed<DestinationState>> {
    return this.service.execute(destinationStream, destinationStreamOf(destinationId), command, context);
  }

  /** Records a request and claims with it what it would use; `pursue-request` takes it from there. */
  async request(request: Omit<OpenDestinationRequest, 'type'>, context: CommandContext): Promise<void> {
    const { expectedRevision: _, ...unconditional } = context;
    const command: OpenDestinationRequest = { type: 'OpenDestinationRequest', ...request };
    await this.service.execute(requestStream, requestStreamOf(request.requestId), command, unconditional);
  }

  /** Waits for the end of a request: true when accepted, its problem when rejected, false when the time is over first. */
  async requestEnded(scope: Scope, requestId: string, waitMs: number): Promise<boolean> {
    const settled = await this.service.settled(
      requestStream,
      requestStreamOf(requestId),
      scope,
      ({ status }) => status === 'accepted' || status === 'rejected',
      waitMs,
    );
    if (settled?.state.status === 'rejected') throw errorOf(settled.state.problem);
    return settled !== undefined;
  }

  async view(scope: Scope, destinationId: string): Promise<DestinationView> {
    const loaded = await this.existing(scope, destinationId);
    return destinationView(loaded.state, loaded);
  }

  /** What a command that changed a destination answers. */
  async answer(scope: Scope, destinationId: string, status = 200): Promise<Outcome<DestinationView>> {
    const loaded = await this.existing(scope, destinationId);
    return new Outcome(destinationView(loaded.state, loaded), {
      status,
      revision: loaded.revision,
      position: loaded.position,
      ...(status === 201 ? { location: `/v1/destinations/${destinationId}` } : {}),
    });
  }
}
