import { parseForm, splitSecrets } from '@waybill/forms';
import { WaybillError } from '@waybill/kernel';
import { KinesisAccessKeyForm, KinesisTargetForm } from './forms.js';
import { spec } from './spec.js';

const account = { accessKeyId: 'AKIA', secretAccessKey: 'secret', region: 'eu-central-1' };

const expectRefusal = (parse: () => unknown, field: string): void => {
  expect(parse).toThrow(WaybillError);
  expect(parse).toThrow(new RegExp(`^${field}: (?!.*; [a-zA-Z]+: )`));
};

describe('the access key form', () => {
  it.each([[{}], [{ endpoint: 'https://vpce-1.kinesis.partner.example' }], [{ endpoint: 'http://127.0.0.1:4567' }]])(
    'takes %j',
    (fields) => {
      expect(parseForm(KinesisAccessKeyForm, { ...account, ...fields })).toMatchObject(fields);
    },
  );

  it.each([
    [{ accessKeyId: '' }, 'accessKeyId'],
    [{ secretAccessKey: 'copied\n' }, 'secretAccessKey'],
    [{ region: '' }, 'region'],
    [{ region: 'evil.example/' }, 'region'],
    [{ endpoint: 'kinesis.partner.example' }, 'endpoint'],
    [{ endpoint: 'https://user:pw@partner.example' }, 'endpoint'],
    [{ secretAcessKey: 'x' }, 'secretAcessKey'],
  ])('refuses %j and names the field', (fields, field) => {
    expectRefusal(() => parseForm(KinesisAccessKeyForm, { ...account, ...fields }), field);
  });

  it('keeps the secret apart', () => {
    const { accessKeyId, region } = account;
    expect(splitSecrets(KinesisAccessKeyForm, parseForm(KinesisAccessKeyForm, account))).toEqual({
      open: { accessKeyId, region },
      secret: { secretAccessKey: 'secret' },
    });
  });
});

describe('the target form', () => {
  it('takes the name of a stream', () => {
    const stream = `Audience_changes-1.${'x'.repeat(109)}`;
    expect(parseForm(KinesisTargetForm, { stream })).toMatchObject({ stream });
  });

  it.each([[''], ['a/b'], ['arn:aws:kinesis:eu-central-1:1:stream/a'], ['x'.repeat(129)]])('refuses %j', (stream) => {
    expectRefusal(() => parseForm(KinesisTargetForm, { stream }), 'stream');
  });
});

it('an account is shown by its endpoint, else by its region', () => {
  expect(spec.addressOf(account)).toBe('eu-central-1');
  expect(spec.addressOf({ ...account, endpoint: 'https://partner.example' })).toBe('https://partner.example');
});
