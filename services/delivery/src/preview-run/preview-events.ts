import { DescribeSegments, WatermarkNow } from '@waybill/contracts';
import { type CommandContext, WaybillError } from '@waybill/kernel';
import type { Service } from '@waybill/service-kit';
import type { StreamSource } from '../stream-source/index.js';
import type { EventsPreviewView } from '../view/preview.view.js';

/** The events that a backfill of the segment would begin with now, whether it is active or not. */
export const previewEvents = async (
  service: Pick<Service, 'ask'>,
  source: StreamSource,
  context: CommandContext,
  {
    destinationId,
    segmentId,
    rows,
  }: { readonly destinationId: string; readonly segmentId: string; readonly rows: number },
): Promise<EventsPreviewView> => {
  const { segments } = await service.ask(DescribeSegments, { segmentIds: [segmentId] }, context);
  const segment = segments[0];
  if (!segment?.exists) throw segmentNotFound(segmentId);
  const { watermark } = await service.ask(WatermarkNow, {}, context);
  const { events, leftOut } = await source.preview(
    { destinationId, context, max: rows, signal: AbortSignal.timeout(30_000) },
    segment,
    Number(watermark),
  );
  return {
    segmentId,
    mode: 'stream',
    members: segment.members,
    events: events.flatMap((event) =>
      'data' in event ? [{ key: event.key, payload: JSON.parse(Buffer.from(event.data).toString()) as unknown }] : [],
    ),
    rejected: events.flatMap((event) =>
      'data' in event ? [] : [{ profileId: event.profileId, reason: event.code, message: event.message }],
    ),
    leftOut,
  };
};

const segmentNotFound = (id: string) =>
  new WaybillError(
    'segment-not-found',
    'not-found',
    `There is no segment "${id}". Make it first (PUT /v1/segments/{id}).`,
  );
