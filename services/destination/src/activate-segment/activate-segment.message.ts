import * as contracts from '@waybill/contracts';
import { takeCommand } from '@waybill/service-kit';
import { ChangeDestination } from '../change-destination.js';
import { ActivateSegment } from './activate-segment.js';

export const TakeActivateSegment = takeCommand(
  contracts.ActivateSegment,
  async (commands, { destinationId, segmentId, ...input }, context) => {
    const { revision } = await commands.execute(new ActivateSegment(context, destinationId, segmentId, input));
    return { destinationId, revision };
  },
);

export const TakeDeactivateSegment = takeCommand(
  contracts.DeactivateSegment,
  async (commands, { destinationId, segmentId }, context) => {
    const change = { type: 'DeactivateSegment', segmentId } as const;
    const { revision } = await commands.execute(new ChangeDestination(context, destinationId, change));
    return { destinationId, revision };
  },
);
