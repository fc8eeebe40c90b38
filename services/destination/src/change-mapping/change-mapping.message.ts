import { ChangeMapping } from '@waybill/contracts';
import { takeCommand } from '@waybill/service-kit';
import { ChangeDestination } from '../change-destination.js';

export const TakeChangeMapping = takeCommand(ChangeMapping, async (commands, { destinationId, fields }, context) => {
  const { revision } = await commands.execute(
    new ChangeDestination(context, destinationId, { type: 'ChangeMapping', fields, at: context.at }),
  );
  return { destinationId, revision };
});
