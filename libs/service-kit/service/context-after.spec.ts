import type { Message } from '@waybill/messaging';
import { contextAfter } from './service.js';

const message = (source: string): Message => ({
  ...{ id: '1', type: 'waybill.destination.DisableDestination.v1', source, subject: 's', key: 'acme/prod/s' },
  ...{ time: '2026-01-01T00:00:00Z', tenant: 'acme', sandbox: 'prod', data: {}, actor: 'crm', correlationId: 'c' },
});
const commandId = (source: string): string => contextAfter(message(source)).commandId;

describe('A command that follows from a message', () => {
  it('is the same command each time, and another one when another system uses the same id', () => {
    expect(commandId('/crm')).toBe(commandId('/crm'));
    expect(new Set(['/crm', '/shop', '/waybill/account'].map(commandId)).size).toBe(3);
  });
});
