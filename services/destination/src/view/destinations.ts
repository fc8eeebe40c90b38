import { Inject, Injectable } from '@nestjs/common';
import { errorOf } from '@waybill/contracts';
import type { CommandContext, Scope } from '@waybill/kernel';
import { DATABASE, type Executed, type Loaded, Outcome, SERVICE, type Service } from '@waybill/service-kit';
import type { Database } from '@waybill/postgres';
import {
  type Destination,
  type DestinationCommand,
  destinationNotFound,
  type DestinationState,
} from '../destination/index.js';
import type { DestinationRequestState, OpenDestinationRequest } from '../destination/request/index.js';
import { destinationStream, destinationStreamOf, requestStream, requestStreamOf } from '../stream.js';
import { destinationView, type DestinationView } from './destination.view.js';

export type LoadedDestination = Loaded<DestinationState> & { readonly state: Destination };

/** The destination aggregate and its requests as the slices use them. */
@Injectable()
export class Destinations {
  constructor(
    @Inject(SERVICE) private readonly service: Service,
    @Inject(DATABASE) private readonly database: Database,
  ) {}

  /** One that is not deleted, or `destination-not-found`. */
  async existing(scope: Scope, destinationId: string): Promise<LoadedDestination> {
    const found = await this.find(scope, destinationId);
    if (!found) throw destinationNotFound();
    return found;
  }

  async find(scope: Scope, destinationId: string): Promise<LoadedDestination | undefined> {
    const loaded = await this.service.load(destinationStream, destinationStreamOf(destinationId), scope);
    const { state } = loaded;
    return state.status === 'none' || state.status === 'deleted' ? undefined : { ...loaded, state };
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

  /** How far the creation of a destination is that does not exist yet; undefined when nobody asked for it. */
  async creation({ tenant, sandbox }: Scope, destinationId: string): Promise<DestinationRequestState | undefined> {
    const { rows } = await this.database.pool.query<{ state: DestinationRequestState }>(
      `select state from destination_requests
       where state->>'destinationId' = $1 and tenant = $2 and sandbox = $3 and state->'change'->>'kind' = 'creation'
       order by created_at desc limit 1`,
      [destinationId, tenant, sandbox],
    );
    return rows[0]?.state;
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
