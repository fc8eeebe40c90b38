import { DescribeSegments } from '@waybill/contracts';
import type { CommandContext } from '@waybill/kernel';
import type { Service } from '@waybill/service-kit';
import type { StreamSource } from '../stream-source/index.js';
import type { EventsPreviewView } from '../view/preview.view.js';

/** The first events of a backfill. Throws `activation-unheard` (unavailable) in the first moment after the activation. */
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
  const { events, leftOut } = await source.backfill(
    { destinationId, context, share: { of: 1, shares: [0] }, max: rows, signal: AbortSignal.timeout(30_000) },
    segmentId,
    null,
  );
  return {
    segmentId,
    mode: 'stream',
    members: segments[0]?.members ?? 0,
    events: events.flatMap((event) =>
      'data' in event ? [{ key: event.key, payload: JSON.parse(Buffer.from(event.data).toString()) as unknown }] : [],
    ),
    rejected: events.flatMap((event) =>
      'data' in event ? [] : [{ profileId: event.profileId, reason: event.code, message: event.message }],
    ),
    leftOut,
  };
};
