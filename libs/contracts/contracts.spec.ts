import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isWaybillError, WaybillError } from '@waybill/kernel';
import {
  AccountConnected,
  AccountRenamed,
  CONTRACTS,
  contractOf,
  errorOf,
  problemOf,
  readMessage,
  TOPICS,
  writeMessage,
} from './index.js';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const fixtureOf = (type: string): unknown => JSON.parse(readFileSync(join(FIXTURES, `${type}.json`), 'utf8'));

const slugOf = (act: () => unknown): string | undefined => {
  try {
    act();
    return undefined;
  } catch (error) {
    return isWaybillError(error) ? error.slug : String(error);
  }
};

describe('Message contracts', () => {
  it('have one type each', () => {
    expect(new Set(CONTRACTS.map(({ type }) => type)).size).toBe(CONTRACTS.length);
  });

  it('have a frozen example each, and no example is left without its contract', () => {
    const examples = readdirSync(FIXTURES).map((file) => file.replace(/\.json$/, ''));
    expect(examples.sort()).toEqual(CONTRACTS.map(({ type }) => type).sort());
  });

  it.each(CONTRACTS.map((contract) => [contract.type, contract] as const))(
    '%s still reads its frozen example',
    (type, contract) => {
      expect(contractOf(type)).toBe(contract);
      const example = fixtureOf(type);
      expect(readMessage(contract, example)).toBe(example);
    },
  );

  it.each(CONTRACTS.map((contract) => [contract.type, contract] as const))(
    '%s writes its frozen example whole',
    (type, contract) => {
      const example = fixtureOf(type);
      expect(writeMessage(contract, example as never).data).toEqual(example);
    },
  );

  it('go to a declared topic, answers aside', () => {
    const declared = new Set(TOPICS.map(({ name }) => name));
    for (const { kind, topic } of CONTRACTS) {
      if (kind === 'answer') expect(topic).toBeNull();
      else expect(declared).toContain(topic);
    }
  });
});

describe('A reader', () => {
  const example = fixtureOf(AccountRenamed.type) as object;

  it('takes a newer message with members it does not know', () => {
    expect(readMessage(AccountRenamed, { ...example, colour: 'blue' })).toMatchObject(example);
  });

  it('refuses what does not fit and says where, without the value', () => {
    const read = () => readMessage(AccountRenamed, { ...example, name: { password: 'canary' } });
    expect(slugOf(read)).toBe('message-malformed');
    expect(read).toThrow('/name must be string');
    expect(read).not.toThrow('canary');
  });

  it('refuses a missing member', () => {
    expect(slugOf(() => readMessage(AccountRenamed, {}))).toBe('message-malformed');
  });
});

describe('A writer', () => {
  const example = fixtureOf(AccountConnected.type) as object;

  it('lets nothing out that the contract does not name', () => {
    const { data, ...envelope } = writeMessage(AccountConnected, {
      ...example,
      password: 'canary',
    } as never);
    expect(data).toEqual(example);
    expect(envelope).toEqual({
      type: 'waybill.account.AccountConnected.v1',
      source: '/waybill/account',
      topic: 'waybill.account.events',
    });
  });

  it('refuses data that do not fit, as a defect of ours', () => {
    expect(slugOf(() => writeMessage(AccountConnected, { ...example, accountId: 'x' } as never))).toBe(
      'message-invalid',
    );
  });
});

describe('A problem', () => {
  it('carries an expected failure over the wire and back', () => {
    const error = new WaybillError('account-in-use', 'conflict', 'Two destinations use it.', {
      fields: [{ path: 'accountId', message: 'in use' }],
      extra: { destinations: ['a'] },
    });
    expect(errorOf(problemOf(error))).toEqual(error);
  });

  it('says nothing of a defect but that it was one', () => {
    const problem = problemOf(new Error('connect failed with password canary'));
    expect(problem).toMatchObject({ slug: 'internal-error', kind: 'internal' });
    expect(JSON.stringify(problem)).not.toContain('canary');
  });
});
