import * as contracts from '@waybill/contracts';
import { parseForm } from '@waybill/forms';
import { takeCommand } from '@waybill/service-kit';
import { DefineSegment, SegmentForm } from './define-segment.js';

export const TakeDefineSegment = takeCommand(
  contracts.DefineSegment,
  async (commands, { segmentId, ...input }, context) => {
    const { revision } = await commands.execute(new DefineSegment(context, segmentId, parseForm(SegmentForm, input)));
    return { segmentId, revision };
  },
);
