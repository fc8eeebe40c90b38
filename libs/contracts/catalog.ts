import Type from 'typebox';
import { defineEvent, defineQuestion } from './define.js';
import { Name, Revision } from './shapes.js';

const action = { name: Name, revision: Revision };
export const MarketingActionDefined = defineEvent(
  'catalog',
  'MarketingActionDefined',
  Type.Object({ ...action, friendlyName: Type.String() }),
);
export const MarketingActionRevised = defineEvent(
  'catalog',
  'MarketingActionRevised',
  Type.Object({ ...action, friendlyName: Type.String() }),
);
/** Who hears it asks for the uses and settles: nobody new may state the action from here on. */
export const MarketingActionRemovalRequested = defineEvent(
  'catalog',
  'MarketingActionRemovalRequested',
  Type.Object(action),
);
export const MarketingActionRemoved = defineEvent('catalog', 'MarketingActionRemoved', Type.Object(action));

const type = { type: Name, revision: Revision };
export const DestinationTypeListed = defineEvent(
  'catalog',
  'DestinationTypeListed',
  Type.Object({ ...type, name: Type.String(), category: Name }),
);
export const DestinationTypeRevised = defineEvent(
  'catalog',
  'DestinationTypeRevised',
  Type.Object({ ...type, name: Type.String(), category: Name }),
);
export const DestinationTypeRetired = defineEvent('catalog', 'DestinationTypeRetired', Type.Object(type));

/** One entry for each name asked about, in that order. Only `known` ones may be stated. */
export const CheckMarketingActions = defineQuestion(
  'catalog',
  'CheckMarketingActions',
  Type.Object({ names: Type.Array(Name, { minItems: 1, maxItems: 1000 }) }),
  Type.Object({
    actions: Type.Array(
      Type.Object({
        name: Name,
        status: Type.Enum(['known', 'unknown', 'being-removed']),
      }),
    ),
  }),
);
