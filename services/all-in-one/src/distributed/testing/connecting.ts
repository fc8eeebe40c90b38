import { expect } from '@jest/globals';
import type { Api } from '../../journeys/testing/api.js';
import { eventually } from '../../journeys/testing/eventually.js';
import type { SftpPartner } from '../../journeys/testing/sftp-partner.js';
import type { AccountView, Page } from '../../journeys/testing/views.js';

/** What a client sees of a service that is away, or of one that is connected to nobody: nothing else may come. */
const LATER = [202, 503];

/**
 * Connects an account as a careful client does: whatever goes wrong on the way, it asks again with the same key. Answers
 * the account; what it was told in between was that it should come again, and when.
 */
export const connectPatiently = async (
  api: Api,
  partner: SftpPartner,
  name: string,
  withinMs = 90_000,
): Promise<AccountView> => {
  const key = { 'idempotency-key': `connect ${name}`, prefer: 'wait=5' };
  const { body } = await eventually(
    async () => {
      const answer = await api.post<AccountView>('/v1/accounts', partner.account(name), key);
      if (answer.status === 503) {
        expect(answer.problem.type).toMatch(/^\/problems\//);
        expect([answer.problem.type, Number(answer.headers.get('retry-after')) > 0]).toEqual([
          answer.problem.type,
          true,
        ]);
      }
      if (answer.status !== 201 && !LATER.includes(answer.status)) throw new Error(`${answer.status}: ${answer.text}`);
      return answer;
    },
    ({ status }) => status === 201,
    withinMs,
  );
  return body;
};

/** Each of these names is the name of one account. */
export const expectOnce = async (api: Api, names: readonly string[]): Promise<void> => {
  const page = await eventually(
    () => api.get<Page<AccountView>>('/v1/accounts?type=sftp&limit=1000'),
    ({ status, body }) => status === 200 && names.every((name) => body.items.some((account) => account.name === name)),
    60_000,
  );
  const listed = page.body.items.map(({ name }) => name).filter((name) => names.includes(name));
  expect(listed.sort()).toEqual([...names].sort());
};
