import { checkMapping } from '@waybill/contracts';
import { type CommandContext, newId, type Scope } from '@waybill/kernel';
import { COLUMNS } from './profiles.js';

export const SCOPE = { tenant: 'acme', sandbox: 'prod' };
export const SEGMENT = { id: 'customers', name: 'Customers' };

/** Of a command that is given here and now. */
export const contextOf = (scope: Scope): CommandContext => ({
  ...scope,
  commandId: newId(),
  actor: 'bench',
  at: new Date().toISOString(),
  correlationId: 'bench',
});

const [ID = '', ...ATTRIBUTES] = COLUMNS;
export const IDENTITY_COLUMN = ID;

export const FIELDS = checkMapping([
  { source: 'profile.id', target: ID },
  ...ATTRIBUTES.map((name) => ({ source: `attributes.${name}`, target: name })),
]);

/** The same rows and columns in the same order, as somebody writes it by hand. */
export const BASELINE_QUERY = `
  select profile_id as "${ID}", ${ATTRIBUTES.map((name) => `attributes->>'${name}' as "${name}"`).join(', ')}
  from audience_export.v1
  where tenant = '${SCOPE.tenant}' and sandbox = '${SCOPE.sandbox}' and segment_id = '${SEGMENT.id}' and status = 'realized'
  order by profile_id`.replaceAll(/\s+/g, ' ');
