import { Inject, Injectable } from '@nestjs/common';
import { type AnswerOf, ListUsesOfAccount, ListUsesOfMarketingAction, readMessage } from '@waybill/contracts';
import type { Scope } from '@waybill/kernel';
import type { ReceivedMessage } from '@waybill/messaging';
import type { Database } from '@waybill/postgres';
import { type Answerer, DATABASE, SERVICE, type Service, stateProjection } from '@waybill/service-kit';
import { requestStream } from '../stream.js';

export const requestsProjection = stateProjection({
  name: 'destination_requests',
  streamType: requestStream,
  indexes: [`(tenant, sandbox) where state->>'status' in ('open', 'proving')`],
});

/** How long an answer may wait for the read models to catch up. */
const WAIT_MS = 5_000;

type Uses = AnswerOf<typeof ListUsesOfAccount>;

/**
 * Who uses a thing, requests included. The answer holds for everything recorded before the question: it waits until the
 * read models have reached the head of the log.
 */
@Injectable()
export class UseFinder {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(SERVICE) private readonly service: Service,
  ) {}

  ofAccount(scope: Scope, accountId: string): Promise<Uses> {
    return this.find(scope, `state->>'accountId' = $3`, `state->>'accountId' = $3`, accountId);
  }

  ofMarketingAction(scope: Scope, name: string): Promise<Uses> {
    return this.find(
      scope,
      `state->'marketingActions' @> to_jsonb($3::text)`,
      `state->'change'->'marketingActions' @> to_jsonb($3::text)`,
      name,
    );
  }

  private async find({ tenant, sandbox }: Scope, destination: string, request: string, value: string): Promise<Uses> {
    await this.service.readModelsReach('head', WAIT_MS);
    const { rows } = await this.database.pool.query<Uses['uses'][number]>(
      `select state->>'destinationId' as "destinationId", state->>'name' as name from destinations
         where tenant = $1 and sandbox = $2 and state->>'status' <> 'deleted' and ${destination}
       union
       select state->>'destinationId', coalesce(state->'change'->>'name', 'a request under way') from destination_requests
         where tenant = $1 and sandbox = $2 and state->>'status' in ('open', 'proving') and ${request}
       limit 100`,
      [tenant, sandbox, value],
    );
    return { uses: rows };
  }
}

@Injectable()
export class AnswerUsesOfAccount implements Answerer {
  readonly answers = ListUsesOfAccount.type;

  constructor(@Inject(UseFinder) private readonly uses: UseFinder) {}

  answer(message: ReceivedMessage): Promise<Uses> {
    return this.uses.ofAccount(message, readMessage(ListUsesOfAccount, message.data).accountId);
  }
}

@Injectable()
export class AnswerUsesOfMarketingAction implements Answerer {
  readonly answers = ListUsesOfMarketingAction.type;

  constructor(@Inject(UseFinder) private readonly uses: UseFinder) {}

  answer(message: ReceivedMessage): Promise<Uses> {
    return this.uses.ofMarketingAction(message, readMessage(ListUsesOfMarketingAction, message.data).name);
  }
}
