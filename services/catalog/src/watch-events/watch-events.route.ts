import type { OutgoingHttpHeaders } from 'node:http';
import { Get, Headers, Inject, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import { WaybillError } from '@waybill/kernel';
import { type Caller, CurrentCaller, ServiceController, Summary } from '@waybill/service-kit';
import { IsOptional, IsString } from 'class-validator';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Feed } from './feed.js';

export class WatchEventsQuery {
  /** Plain names of events, parted by commas: `RunCompleted,RunFailed`. All when left out. */
  @IsOptional()
  @IsString()
  types?: string;
}

/** How often the feed is looked at though nothing was announced, and the connection shown to be alive. */
const POLL_MS = 1_000;
const ALIVE_MS = 15_000;

@ServiceController('v1/events', 'events')
export class WatchEventsRoute {
  constructor(@Inject(Feed) private readonly feed: Feed) {}

  /** What changes, as server-sent events: each a CloudEvent. With `Last-Event-ID` it goes on after that one, else from now. */
  @Get()
  @Summary('Watch what changes (server-sent events)')
  @ApiOkResponse({ content: { 'text/event-stream': { schema: { type: 'string' } } } })
  async watch(
    @CurrentCaller() caller: Caller,
    @Query() { types }: WatchEventsQuery,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    let position = lastEventId === undefined ? await this.feed.head() : positionOf(lastEventId);
    const names = types?.split(',').map((name) => name.trim());
    void reply.headers({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    reply.hijack();
    const out = reply.raw;
    out.writeHead(200, reply.getHeaders() as OutgoingHttpHeaders);
    out.write(': connected\n\n');

    const gone = new AbortController();
    request.raw.once('close', () => gone.abort());
    out.once('error', () => gone.abort());
    const over = AbortSignal.any([gone.signal, this.feed.ending]);
    let aliveAt = Date.now();
    while (!over.aborted) {
      const woken = this.nextEntry(over);
      const entries = await this.feed.after(position, caller, names).catch(() => []); // the database is away: look again
      for (const entry of entries) {
        position = entry.position;
        out.write(`id: ${entry.position}\ndata: ${JSON.stringify(entry.event)}\n\n`);
      }
      if (Date.now() - aliveAt > ALIVE_MS) {
        out.write(': alive\n\n');
        aliveAt = Date.now();
      }
      if (out.writableNeedDrain) await drained(out, over);
      if (entries.length === 0) await woken;
    }
    out.end();
  }

  private nextEntry(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        unhear();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, POLL_MS);
      const unhear = this.feed.onEntry(done);
      signal.addEventListener('abort', done);
    });
  }
}

const drained = (out: NodeJS.WritableStream, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    out.once('drain', resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });

const positionOf = (lastEventId: string): number => {
  const position = Number(lastEventId);
  if (lastEventId !== '' && Number.isSafeInteger(position) && position >= 0) return position;
  throw new WaybillError(
    'last-event-id-malformed',
    'malformed',
    'Last-Event-ID must be the id of an event of this feed.',
  );
};
