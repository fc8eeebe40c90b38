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
 * were planned before they left. Failed and cancelled runs count too, for what they had published by then. Of a stream, by the
 * hours in which it was sent something while they were in the segment.
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
         select state->>'destinationId' as destination, state->'plan'->'destination'->>'name' as name,
                state->>'segmentId' as segment, state->>'runId' as run,
                coalesce(state->>'finishedAt', state->>'startedAt') as at
         from runs join asked on state->>'segmentId' = "segmentId"
         where tenant = $2 and sandbox = $3
           and state->'parts' @? '$[*] ? (@.published != null)'
           and coalesce((state->>'finishedAt')::timestamptz, now()) >= "from"
           and ("until" is null or (state->'plan'->>'plannedAt')::timestamptz <= "until")
         union all
         select state->>'destinationId', state->>'destinationName', "segmentId", state->>'runId',
                coalesce(state->>'finishedAt', state->>'startedAt')
         from runs join asked on state->'segmentIds' ? "segmentId"
         where tenant = $2 and sandbox = $3
           and ((state->'counts'->>'written')::bigint > 0 or exists (
             select 1 from stream_windows of_hour
             where of_hour.destination_id::text = state->>'destinationId' and hour = (state->>'from')::timestamptz
               and written > 0))
           and (state->>'to')::timestamptz >= "from"
           and ("until" is null or (state->>'from')::timestamptz <= "until"))
       select destination as "destinationId",
              (array_agg(name order by at desc))[1] as name,
              array_agg(distinct segment) as "segmentIds",
              (array_agg(run order by at desc))[1] as "lastRunId",
              max(at) as "lastSentAt"
       from sent group by destination order by destination`,
      [JSON.stringify(memberships), message.tenant, message.sandbox],
    );
    return { destinations: rows };
  }
}
