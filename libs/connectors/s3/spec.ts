import { expandFolder } from '../folder.js';
import type { ConnectorSpec } from '../port.js';
import { AccessKeyForm, AssumeRoleForm, S3TargetForm } from './forms.js';

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** Keys begin without a slash: `/a` would make a folder without a name. */
export const folderOf: NonNullable<ConnectorSpec['folderOf']> = ({ folder }, segment) =>
  expandFolder(typeof folder === 'string' ? folder.replace(/^\/+/, '') : '', segment);

export const spec: ConnectorSpec = {
  type: 'amazon-s3',
  name: 'Amazon S3',
  description: 'Delivers files to a folder of a bucket, at AWS or any S3-compatible store.',
  category: 'cloudStorage',
  delivers: 'files',
  encryption: true,
  authentication: [
    { method: 'access-key', title: 'Access key', form: AccessKeyForm },
    { method: 'assume-role', title: 'Assumed role', form: AssumeRoleForm },
  ],
  target: { form: S3TargetForm },
  addressOf: ({ endpoint, region }) => [endpoint, region, 'AWS'].find(isText) ?? '',
  folderOf,
};
