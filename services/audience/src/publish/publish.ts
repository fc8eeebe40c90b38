import { SegmentDefined, SegmentLoaded, SegmentRevised } from '@waybill/contracts';
import type { RecordedEvent } from '@waybill/kernel';
import { as, type Publications } from '@waybill/service-kit';
import type { SegmentEvent } from '../segment/index.js';
import { segmentStream } from '../segments.js';

type Recorded<Type extends SegmentEvent['type']> = RecordedEvent<Extract<SegmentEvent, { type: Type }>>;

const of = <Data extends object>({ data, revision }: { readonly data: Data; readonly revision: number }) => ({
  ...data,
  revision,
});

export const segmentPublications: Publications = {
  streamType: segmentStream,
  byEvent: {
    SegmentDefined: as(SegmentDefined, (event: Recorded<'SegmentDefined'>) => of(event)),
    SegmentRevised: as(SegmentRevised, (event: Recorded<'SegmentRevised'>) => of(event)),
    SegmentLoaded: as(SegmentLoaded, (event: Recorded<'SegmentLoaded'>) => of(event)),
  },
};
