import { hash } from 'node:crypto';
import type { EventRecord } from '@waybill/connectors';
import { testRecordOf } from '@waybill/contracts';
import type { Scope } from '@waybill/kernel';

/** What a stream or a hub is sent on request, under a key of the form that profiles have. */
export const testRecordFor = ({ tenant, sandbox }: Scope, destinationId: string, eventId: string): EventRecord => {
  const payload = testRecordOf({ eventId, tenant, sandbox, destinationId, sentAt: new Date().toISOString() });
  return { key: hash('sha256', eventId), data: Buffer.from(JSON.stringify(payload)), properties: { eventId } };
};
