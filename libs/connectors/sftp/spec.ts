import { isIPv6 } from 'node:net';
import { expandFolder } from '../folder.js';
import type { ConnectorSpec } from '../port.js';
import { PasswordForm, SftpTargetForm, SshKeyForm } from './forms.js';

/** `host:port`, an IPv6 address in brackets. */
export const addressOf = ({ host, port = 22 }: Readonly<Record<string, unknown>>): string =>
  `${isIPv6(String(host)) ? `[${String(host)}]` : String(host)}:${String(port)}`;

/** `sftp://host:port/folder`; a path relative to the login folder starts with `./`. */
export const resourceOf = (authentication: Readonly<Record<string, unknown>>, path: string): string =>
  `sftp://${addressOf(authentication)}${path.startsWith('/') ? '' : '/./'}${path}`;

export const folderOf: NonNullable<ConnectorSpec['folderOf']> = ({ folder }, segment) =>
  expandFolder(String(folder), segment);

export const spec: ConnectorSpec = {
  type: 'sftp',
  name: 'SFTP',
  description: "Delivers files to a folder on a partner's SSH file transfer server.",
  category: 'cloudStorage',
  delivers: 'files',
  encryption: true,
  authentication: [
    { method: 'password', title: 'Password', form: PasswordForm },
    { method: 'ssh-key', title: 'SSH key', form: SshKeyForm },
  ],
  target: { form: SftpTargetForm },
  addressOf,
  folderOf,
};
