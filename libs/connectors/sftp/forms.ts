import { isIP } from 'node:net';
import { Secret } from '@waybill/forms';
import { IsInt, IsNotEmpty, IsOptional, IsString, Length, Max, MaxLength, Min } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { hasMisplacedMacro } from '../folder.js';
import { NoControlCharacters, TextRule } from '../text-rule.js';
import { parseHostKey } from './host-key.js';
import { parsePrivateKey, PrivateKeyError } from './private-key.js';

const hostProblem = (host: string): string | undefined => {
  if (isIP(host)) return undefined;
  if (host.includes('://')) return `must be the host alone, without "${host.slice(0, host.indexOf('://') + 3)}"`;
  if (/^[^:]+:\d+$/.test(host)) return 'must be the host alone; the port has a field of its own';
  return /^[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)*\.?$/u.test(host) ? undefined : 'must be a host name or an IP address';
};

const keyProblem = (field: PrivateKeyError['field'], key: string, passphrase: unknown): string | undefined => {
  try {
    parsePrivateKey(key, typeof passphrase === 'string' ? passphrase : undefined);
    return undefined;
  } catch (error) {
    if (error instanceof PrivateKeyError) return error.field === field ? error.message : undefined;
    throw error;
  }
};

class SshServer {
  @JSONSchema({ title: 'Host', description: 'The name or the IP address of the SFTP server.' })
  @IsString()
  @Length(1, 253)
  @TextRule('isHost', hostProblem)
  host!: string;

  @JSONSchema({ title: 'Port', description: 'The TCP port of the SFTP server.', default: 22 })
  @IsInt()
  @Min(1)
  @Max(65_535)
  port: number = 22;

  @JSONSchema({ title: 'User name', description: 'The user to sign in as.' })
  @IsString()
  @Length(1, 256)
  @NoControlCharacters()
  username!: string;
}

const HOST_KEY_HELP =
  "The server's host key: its SHA256: fingerprint, or its line of a known_hosts file. Without it the first connection shows the key that the server has, to be confirmed.";

export class PasswordForm extends SshServer {
  @JSONSchema({ title: 'Password', description: 'Also answers a keyboard-interactive question for it.' })
  @Secret()
  @IsString()
  @IsNotEmpty()
  @MaxLength(1024)
  @NoControlCharacters()
  password!: string;

  @JSONSchema({ title: 'Host key', description: HOST_KEY_HELP })
  @IsOptional()
  @IsString()
  @TextRule('isHostKey', problemOfHostKey)
  hostKey?: string;
}

export class SshKeyForm extends SshServer {
  @JSONSchema({
    title: 'Private key',
    description: 'RSA, ECDSA or Ed25519, in PEM or OpenSSH format, or the Base64 of either.',
  })
  @Secret()
  @IsString()
  @Length(1, 32_768)
  @TextRule('isPrivateKey', (key, form) => keyProblem('privateKey', key, (form as Partial<SshKeyForm>).passphrase))
  privateKey!: string;

  @JSONSchema({ title: 'Passphrase', description: 'Of the private key, when it is encrypted.' })
  @Secret()
  @IsOptional()
  @IsString()
  @MaxLength(1024)
  @TextRule('isPassphrase', (passphrase, form) => keyProblem('passphrase', (form as SshKeyForm).privateKey, passphrase))
  passphrase?: string;

  @JSONSchema({ title: 'Host key', description: HOST_KEY_HELP })
  @IsOptional()
  @IsString()
  @TextRule('isHostKey', problemOfHostKey)
  hostKey?: string;
}

function problemOfHostKey(text: string): string | undefined {
  const parsed = parseHostKey(text);
  return typeof parsed === 'string' ? parsed : undefined;
}

export class SftpTargetForm {
  @JSONSchema({
    title: 'Folder',
    description:
      'Where files go: absolute, or relative to the login folder; empty is the login folder. May end in %SEGMENT_NAME% and %SEGMENT_ID%, folders made for each segment.',
  })
  @IsString()
  @MaxLength(1024)
  @NoControlCharacters()
  @TextRule('isFolder', (folder) => {
    if (folder.split('/').some((name) => name === '..')) return 'must hold no ".." segment';
    return hasMisplacedMacro(folder)
      ? 'must hold %SEGMENT_NAME% and %SEGMENT_ID% as whole segments at its end, the name first'
      : undefined;
  })
  folder!: string;
}
