import { DisableDestination, EnableDestination } from '@waybill/contracts';
import { takeCommand } from '@waybill/service-kit';
import { ChangeDestination } from '../change-destination.js';

export const TakeEnableDestination = takeCommand(EnableDestination, async (commands, { destinationId }, context) => {
  const change = { type: 'EnableDestination', at: context.at } as const;
  const { revision } = await commands.execute(new ChangeDestination(context, destinationId, change));
  return { destinationId, revision };
});

export const TakeDisableDestination = takeCommand(DisableDestination, async (commands, { destinationId }, context) => {
  const { revision } = await commands.execute(
    new ChangeDestination(context, destinationId, { type: 'DisableDestination' }),
  );
  return { destinationId, revision };
});
