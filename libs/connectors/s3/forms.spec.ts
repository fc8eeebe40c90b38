import { jsonSchemaOf, parseForm, splitSecrets } from '@waybill/forms';
import { WaybillError } from '@waybill/kernel';
import { AccessKeyForm, AssumeRoleForm, S3TargetForm } from './forms.js';
import { spec } from './spec.js';

const key = { accessKeyId: 'AKIA', secretAccessKey: 'secret' };

describe('the access key form', () => {
  it.each([
    [{}],
    [{ accessKeyId: 'minio', secretAccessKey: 'x' }],
    [{ accessKeyId: 'lower-case_and/odd=ö', secretAccessKey: ' with spaces ' }],
    [{ endpoint: 'https://s3.partner.example' }],
    [{ endpoint: 'http://127.0.0.1:9000' }],
    [{ endpoint: 'https://[::1]:9000/base/', forcePathStyle: false }],
    [{ endpoint: 'https://localhost', region: 'auto' }],
  ])('takes %j: no provider has the formats of another', (fields) => {
    expect(parseForm(AccessKeyForm, { ...key, ...fields })).toMatchObject(fields);
  });

  it.each([
    [{ accessKeyId: '' }, 'accessKeyId'],
    [{ secretAccessKey: '' }, 'secretAccessKey'],
    [{ secretAccessKey: 'copied\n' }, 'secretAccessKey'],
    [{ accessKeyId: 'a\u0000' }, 'accessKeyId'],
    [{ endpoint: 's3.partner.example' }, 'endpoint'],
    [{ endpoint: 'ftp://partner.example' }, 'endpoint'],
    [{ endpoint: 'https://user:pw@partner.example' }, 'endpoint'],
    [{ endpoint: 'https://partner.example/?bucket=a' }, 'endpoint'],
    [{ region: 'evil.example/' }, 'region'],
    [{ region: '' }, 'region'],
    [{ forcePathStyle: 'yes' }, 'forcePathStyle'],
    [{ secretAcessKey: 'x' }, 'secretAcessKey'],
  ])('refuses %j and names the field', (fields, path) => {
    const parse = () => parseForm(AccessKeyForm, { ...key, ...fields });
    expect(parse).toThrow(WaybillError);
    expect(parse).toThrow(new RegExp(`^${path}: (?!.*; [a-zA-Z]+: )`));
  });

  it('keeps the secret apart', () => {
    expect(splitSecrets(AccessKeyForm, parseForm(AccessKeyForm, key))).toEqual({
      open: { accessKeyId: 'AKIA' },
      secret: { secretAccessKey: 'secret' },
    });
  });
});

describe('the role form', () => {
  const role = { roleArn: 'arn:aws:iam::123456789012:role/path/to/waybill', externalId: 'wb-0123' };

  it('takes a role of any partition', () => {
    parseForm(AssumeRoleForm, role);
    parseForm(AssumeRoleForm, { ...role, roleArn: 'arn:aws-cn:iam::123456789012:role/waybill' });
  });

  it.each([['arn:aws:iam::123456789012:user/waybill'], ['arn:aws:iam::12:role/waybill'], ['waybill']])(
    'refuses %s',
    (roleArn) => {
      expect(() => parseForm(AssumeRoleForm, { ...role, roleArn })).toThrow(/roleArn must be the ARN of a role/);
    },
  );
});

describe('the target form', () => {
  it.each([
    ['acme', ''],
    ['acme.exports-2026', 'a/b'],
    ['acme', '/a/b/'],
    ['acme', 'año (1)/!-_.*\'"^[]+$%/x'],
    ['acme', '%SEGMENT_NAME%'],
    ['acme', 'a/%SEGMENT_NAME%/%SEGMENT_ID%'],
    ['a'.repeat(63), 'x'.repeat(500)],
  ])('takes %s and "%s"', (bucket, folder) => {
    expect(parseForm(S3TargetForm, { bucket, folder })).toEqual({ bucket, folder });
  });

  it('takes a missing folder for the root of the bucket', () => {
    expect(parseForm(S3TargetForm, { bucket: 'acme' })).toEqual({ bucket: 'acme', folder: '' });
  });

  it.each([
    ['ab', '3 to 63'],
    ['a'.repeat(64), '3 to 63'],
    ['Acme', 'lowercase'],
    ['acme_x', 'lowercase'],
    ['-acme', 'begin and end'],
    ['acme.', 'begin and end'],
    ['ac..me', 'dot'],
    ['ac.-me', 'dot'],
    ['192.168.1.1', 'IP address'],
  ])('refuses the bucket %s', (bucket, why) => {
    expect(() => parseForm(S3TargetForm, { bucket, folder: '' })).toThrow(why);
  });

  it.each([
    ['..', '".."'],
    ['a/../b', '".."'],
    ['a/./b', '"."'],
    ['a//b', 'empty segment'],
    ['a\nb', 'control character'],
    ['a\u0000', 'control character'],
    ['%SEGMENT_NAME%/b', 'at its end'],
    ['a-%SEGMENT_ID%', 'at its end'],
    ['%SEGMENT_ID%/%SEGMENT_NAME%', 'at its end'],
    ['x'.repeat(501), '500'],
  ])('refuses the folder %j', (folder, why) => {
    expect(() => parseForm(S3TargetForm, { bucket: 'acme', folder })).toThrow(why);
  });
});

describe('the spec', () => {
  it('describes its forms', () => {
    expect(spec.authentication.map(({ method }) => method)).toEqual(['access-key', 'assume-role']);
    expect(jsonSchemaOf(AccessKeyForm)).toMatchObject({
      required: ['accessKeyId', 'secretAccessKey'],
      properties: {
        accessKeyId: { title: 'Access key id', 'x-order': 1 },
        secretAccessKey: { writeOnly: true, 'x-order': 2 },
        region: { 'x-order': 3 },
        endpoint: { 'x-order': 4 },
        forcePathStyle: { type: 'boolean', 'x-order': 5 },
      },
    });
    expect(jsonSchemaOf(S3TargetForm)).toMatchObject({ required: ['bucket'], properties: { folder: { default: '' } } });
  });

  it.each([
    [{ endpoint: 'https://s3.partner.example', region: 'r1' }, 'https://s3.partner.example'],
    [{ region: 'eu-central-1' }, 'eu-central-1'],
    [{}, 'AWS'],
  ])('shows %j as %s', (authentication, address) => {
    expect(spec.addressOf(authentication)).toBe(address);
  });

  it.each([
    ['', ''],
    ['/', ''],
    ['/a/b/', 'a/b'],
    ['a/%SEGMENT_NAME%', 'a/VIP (gold)_x'],
    ['%SEGMENT_NAME%/%SEGMENT_ID%/', 'VIP (gold)_x/7'],
  ])('puts files of folder "%s" into "%s"', (folder, place) => {
    expect(spec.folderOf?.({ folder }, { id: '7', name: 'VIP (gold)/x' })).toBe(place);
  });
});
