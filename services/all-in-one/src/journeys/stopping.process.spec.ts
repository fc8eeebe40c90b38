import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from './testing/api.js';
import { type SftpPartner, startSftpPartner } from './testing/sftp-partner.js';
import type { AccountView } from './testing/views.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

let waybill: Waybill;
let partner: SftpPartner;
let api: Api;

beforeAll(async () => {
  [waybill, partner] = await Promise.all([startWaybill(), startSftpPartner()]);
  api = waybill.api();
});
afterAll(() => Promise.all([waybill.close(), partner.stop()]));

describe('a process that is asked to end', () => {
  it('tells requests that wait for a partner where to look later, and ends with code 0', async () => {
    const { body: connected } = await api.post<AccountView>('/v1/accounts', partner.account('Before'));
    const { signInAttempts } = partner.server;
    partner.faults.hangAfter = 'sign-in';
    const connecting = api.post<AccountView>('/v1/accounts', partner.account('Meanwhile'));
    const validating = api.post<{ id: string }>(`/v1/accounts/${connected.id}/validations`);
    while (partner.server.signInAttempts < signInAttempts + 2) await sleep(50);

    const code = await waybill.stop();
    const [account, validation] = await Promise.all([connecting, validating]);
    expect(account).toMatchObject({ status: 202, body: { status: 'connecting' } });
    expect(account.headers.get('location')).toBe(`/v1/accounts/${account.body.id}`);
    expect(validation).toMatchObject({ status: 202, body: { outcome: 'pending' } });
    expect(validation.headers.get('location')).toBe(`/v1/validations/${validation.body.id}`);
    expect(code).toBe(0);
  }, 60_000);
});
