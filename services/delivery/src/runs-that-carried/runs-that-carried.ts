import { Inject, Injectable } from '@nestjs/common';
import { type AnswerOf, readMessage, RunsThatCarried } from '@waybill/contracts';
import type { ReceivedMessage } from '@waybill/messaging';
import type { Database } from '@waybill/postgres';
import { type Answerer, DATABASE, SERVICE, type Service } from '@waybill/service-kit';

type Answer = AnswerOf<typeof RunsThatCarried>;

/** How long an answer may wait for the read model to reach the head of the log. */
const WAIT_MS = 5_000;

/**
 * Which destinations were sent a segment while it held somebody: by runs that gave a file its final name after they came and
 * were planned before they left. Failed and cancelled runs count too, for what they had published by then.
 */
@Injectable()
export class AnswerRunsThatCarried implements Answerer {
  readonly answers = RunsThatCarried.type;

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(SERVICE) private readonly service: Service,
  ) {}

  async answer(message: ReceivedMessage): Promise<Answer> {
    const { memberships } = readMessage(RunsThatCarried, message.data);
    await this.service.readModelsReach('head', WAIT_MS);
    const { rows } = await this.database.pool.query<Answer['destinations'][number]>(
      `with asked as (
         select * from jsonb_to_recordset($1) as asked ("segmentId" text, "from" timestamptz, "until" timestamptz)),
       sent as (
         select state, state->>'destinationId' as destination, state->>'segmentId' as segment,
                coalesce(state->>'finishedAt', state->>'startedAt') as at
         from runs join asked on state->>'segmentId' = "segmentId"
         where tenant = $2 and sandbox = $3
           and state->'parts' @? '$[*] ? (@.published != null)'
           and coalesce((state->>'finishedAt')::timestamptz, now()) >= "from"
           and ("until" is null or (state->'plan'->>'plannedAt')::timestamptz <= "until"))
       select destination as "destinationId",
              (array_agg(state->'plan'->'destination'->>'name' order by at desc))[1] as name,
              array_agg(distinct segment) as "segmentIds",
              (array_agg(state->>'runId' order by at desc))[1] as "lastRunId",
              max(at) as "lastSentAt"
       from sent group by destination order by destination`,
      [JSON.stringify(memberships), message.tenant, message.sandbox],
    );
    return { destinations: rows };
  }
}
