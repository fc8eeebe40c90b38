import { AUDIENCE_EXPORT_ROLE, AUDIENCE_EXPORT_SCHEMA, AUDIENCE_EXPORT_VIEW } from '@waybill/contracts';

/** As audience does it. The role belongs to the whole cluster, and may be there. */
export const GRANT_EXPORT = `
  do $$ begin create role ${AUDIENCE_EXPORT_ROLE}; exception when duplicate_object or unique_violation then null; end $$;
  grant usage on schema ${AUDIENCE_EXPORT_SCHEMA} to ${AUDIENCE_EXPORT_ROLE};
  grant select on ${AUDIENCE_EXPORT_VIEW} to ${AUDIENCE_EXPORT_ROLE}`;
