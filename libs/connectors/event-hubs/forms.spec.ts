import { parseForm, splitSecrets } from '@waybill/forms';
import { WaybillError } from '@waybill/kernel';
import type { Credentials } from '../port.js';
import { accessOf, hubOf } from './access.js';
import { ConnectionStringForm, EventHubTargetForm, eventHubsSpec, SasForm } from './spec.js';
import { accountOf, sasAccountOf } from './test-account.js';

const TEXT = 'Endpoint=sb://partner.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey=c2VjcmV0+/=';

describe('the connection string form', () => {
  it.each([
    TEXT,
    `${TEXT};`,
    `${TEXT};EntityPath=orders`,
    ' Endpoint=sb://localhost:5672 ; SharedAccessKeyName=a b ; SharedAccessKey=x=y ; UseDevelopmentEmulator=true ',
  ])('takes %s', (connectionString) => {
    expect(parseForm(ConnectionStringForm, { connectionString })).toEqual({ connectionString });
  });

  it.each([
    ['', 'Endpoint and SharedAccessKeyName and SharedAccessKey is not there'],
    ['a-secret', 'must be parts of the form Name=value'],
    [TEXT.replace(/;SharedAccessKey=.*/, ''), 'SharedAccessKey is not there'],
    [TEXT.replace('Name=send', 'Name='), 'SharedAccessKeyName is not there'],
    [TEXT.replace('sb://', 'https://'), 'an Endpoint of the form sb://'],
    [TEXT.replace('.net/', '.net/path'), 'an Endpoint of the form sb://'],
    [TEXT.replace('partner', 'user@evil'), 'an Endpoint of the form sb://'],
    [TEXT.replace('.net/', '.net:70000/'), 'a port from 1 to 65535'],
    [`${TEXT};SharedAccessKey=again`, 'SharedAccessKey once'],
    [`${TEXT}\n`, 'control character'],
  ])('refuses %j, and repeats nothing of it', (connectionString, message) => {
    const refusal = (() => {
      try {
        parseForm(ConnectionStringForm, { connectionString });
      } catch (error) {
        return error as WaybillError;
      }
      return undefined;
    })();
    expect(refusal).toBeInstanceOf(WaybillError);
    expect(refusal?.message).toContain(message);
    expect(refusal?.message).not.toMatch(/c2VjcmV0|a-secret/);
  });

  it('is secret as a whole', () => {
    expect(splitSecrets(ConnectionStringForm, { connectionString: TEXT })).toMatchObject({ open: {} });
  });
});

describe('the SAS form', () => {
  const fields = { sasKeyName: 'send', sasKey: 'secret' };

  it.each(['partner', 'partner.servicebus.windows.net', 'localhost:5671'])('takes the namespace %s', (namespace) => {
    expect(parseForm(SasForm, { ...fields, namespace })).toMatchObject({ namespace });
  });

  it.each(['', 'sb://partner.servicebus.windows.net', 'a b.example', 'partner:port', 'partner.example/x'])(
    'refuses the namespace %j',
    (namespace) => {
      expect(() => parseForm(SasForm, { ...fields, namespace })).toThrow(/namespace: /);
    },
  );
});

it.each([
  [sas({ namespace: 'partner' }), 'partner.servicebus.windows.net', 5671, 'partner.servicebus.windows.net'],
  [sas({ namespace: 'events.partner.example' }), 'events.partner.example', 5671, 'events.partner.example'],
  [sas({ namespace: 'localhost:1234' }), 'localhost', 1234, 'localhost:1234'],
  [accountOf(TEXT), 'partner.servicebus.windows.net', 5671, 'partner.servicebus.windows.net'],
  [
    accountOf(`${TEXT.replace('.net/', '.net:99/')}`),
    'partner.servicebus.windows.net',
    99,
    'partner.servicebus.windows.net:99',
  ],
  [
    accountOf(`${TEXT};UseDevelopmentEmulator=true`),
    'partner.servicebus.windows.net',
    5672,
    'partner.servicebus.windows.net',
  ],
])('an account leads to host and port, and tokens are for what it states (%#)', (account, host, port, authority) => {
  expect(accessOf(account)).toMatchObject({ host, port, authority });
});

describe('the hub', () => {
  it.each<[Credentials, object, string]>([
    [sas({}), { eventHub: 'orders' }, 'orders'],
    [sas({ eventHubName: 'changes' }), {}, 'changes'],
    [sas({ eventHubName: 'changes' }), { eventHub: 'orders' }, 'orders'],
    [accountOf(`${TEXT};EntityPath=changes`), {}, 'changes'],
    [accountOf(`${TEXT};EntityPath=changes`), { eventHub: 'changes' }, 'changes'],
  ])("is the destination's, else the account's (%#)", (account, target, hub) => {
    expect(hubOf(accessOf(account), { ...target })).toBe(hub);
  });

  it('is none where nobody names one, or the connection string is of another', () => {
    expect(hubOf(accessOf(sas({})), {})).toMatchObject({ code: 'not-found' });
    expect(hubOf(accessOf(accountOf(`${TEXT};EntityPath=changes`)), { eventHub: 'orders' })).toMatchObject({
      code: 'permission-denied',
    });
  });

  it('has a name that Azure would take', () => {
    expect(parseForm(EventHubTargetForm, { eventHub: 'a.b-c_1' })).toMatchObject({ eventHub: 'a.b-c_1' });
    expect(() => parseForm(EventHubTargetForm, { eventHub: 'a/b' })).toThrow(/eventHub: /);
  });
});

it('shows the namespace of an account, and nothing of a connection string', () => {
  expect(eventHubsSpec.addressOf({ namespace: 'partner' })).toBe('partner');
  expect(eventHubsSpec.addressOf({})).toBe('Azure');
});

function sas(more: { readonly namespace?: string; readonly eventHubName?: string }): Credentials {
  return sasAccountOf({ namespace: 'partner', sasKeyName: 'send', sasKey: 'secret', ...more });
}
