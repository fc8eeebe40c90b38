import type { AnyAuthMethod, AuthenticationType } from 'ssh2';
import type { Credentials } from '../port.js';
import { SftpFailure } from './failure.js';
import { describeKey, parsePrivateKey } from './private-key.js';

/** Which methods of the server a form can satisfy, the preferred first. */
type Means = Partial<Record<AuthenticationType, () => AnyAuthMethod>>;

const meansOf = ({ method, authentication }: Credentials): { readonly means: Means; readonly shown: string } => {
  const username = String(authentication['username']);
  if (method === 'ssh-key') {
    const { privateKey, passphrase } = authentication;
    const key = parsePrivateKey(String(privateKey), typeof passphrase === 'string' ? passphrase : undefined);
    return { means: { publickey: () => ({ type: 'publickey', username, key }) }, shown: `the key ${describeKey(key)}` };
  }
  const password = String(authentication['password']);
  return {
    means: {
      password: () => ({ type: 'password', username, password }),
      'keyboard-interactive': () => ({
        type: 'keyboard-interactive',
        username,
        // What is echoed is no question for a password.
        prompt: (_name, _instructions, _language, prompts, finish) =>
          finish(prompts.map(({ echo }) => (echo ? '' : password))),
      }),
    },
    shown: 'the password',
  };
};

/**
 * The conversation of RFC 4252, for ssh2's `authHandler`: asks what the server takes, then answers with what the form
 * holds. One wrong password is offered once, not again in another method, since servers lock accounts.
 */
export class Authentication {
  readonly #means: Means;
  readonly #shown: string;
  readonly #tried: AuthenticationType[] = [];
  #offered: readonly string[] = [];
  #accepted = 0;
  /** Set when nothing is left to try. */
  failure: SftpFailure | undefined;

  constructor(private readonly credentials: Credentials) {
    ({ means: this.#means, shown: this.#shown } = meansOf(credentials));
  }

  /** What to try next; false when there is nothing. `left` is null before the first answer. */
  next(left: readonly AuthenticationType[] | null, partialSuccess: boolean | null): AnyAuthMethod | false {
    if (left === null) return { type: 'none', username: String(this.credentials.authentication['username']) };
    if (this.#tried.length === 0) this.#offered = left;
    if (partialSuccess) this.#accepted += 1;
    const refused = this.#tried.length > this.#accepted;
    const next = (Object.keys(this.#means) as AuthenticationType[]).find(
      (method) => left.includes(method) && !this.#tried.includes(method),
    );
    const means = next && !refused ? this.#means[next] : undefined;
    if (next === undefined || means === undefined) {
      this.failure = this.#failure(left, refused);
      return false;
    }
    this.#tried.push(next);
    return means();
  }

  get passed(): string {
    const username = String(this.credentials.authentication['username']);
    const how =
      this.#tried.length > 0
        ? `with ${this.#shown} (${this.#tried.join(', ')})`
        : 'without a secret: none was asked for';
    const offered = this.#offered.length > 0 ? ` The server offers ${this.#offered.join(', ')}.` : '';
    return `Signed in as ${username} ${how}.${offered}`;
  }

  #failure(left: readonly string[], refused: boolean): SftpFailure {
    const username = String(this.credentials.authentication['username']);
    const offered = `The server offers ${this.#offered.join(', ') || 'nothing'}.`;
    if (!refused) {
      const accepted =
        this.#accepted > 0 ? `accepted ${this.#tried.join(' and ')}, and asks for more: ` : 'takes only ';
      return new SftpFailure(
        'not-supported',
        `The server ${accepted}${left.join(', ') || 'nothing'}.`,
        `Connect with a method that the server takes, or ask the partner to allow ${Object.keys(this.#means).join(' or ')}.`,
      );
    }
    return this.credentials.method === 'ssh-key'
      ? new SftpFailure(
          'bad-key',
          `The server did not accept ${this.#shown} for ${username}. ${offered}`,
          'Check the user name, and ask the partner to add the public key of this pair to its authorized keys.',
        )
      : new SftpFailure(
          'bad-secret',
          `The server did not accept ${this.#shown} for ${username} (${this.#tried.join(', ')}). ${offered}`,
          'Check the user name and the password with the partner.',
        );
  }
}

export const passwordExpired = (): SftpFailure =>
  new SftpFailure(
    'bad-secret',
    'The password has expired: the server asks for a new one.',
    'Set a new password at the partner, and give that one.',
    'SSH_MSG_USERAUTH_PASSWD_CHANGEREQ',
  );
