import { AssumeRoleCommand, STSClient, type STSClientConfig } from '@aws-sdk/client-sts';
import type { Role } from './access.js';
import type { S3Timeouts } from './client.js';
import { problemOf, RoleError } from './failure.js';

export interface TemporaryKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
}

export interface AssumedRoles {
  /** Asks STS now, and keeps the answer. Rejects with a RoleError. */
  assume(role: Role): Promise<TemporaryKey>;
  /** The kept ones, until four fifths of their life are over; then asks anew. */
  current(role: Role): Promise<TemporaryKey>;
}

/** Where to find STS and who asks; all unset: AWS and this machine's own identity. */
export type StsSettings = Pick<STSClientConfig, 'endpoint' | 'credentials'>;

const MAX_KEPT = 1_000;

const sessionName = ({ accountId }: Role): string => `waybill-${accountId.replace(/[^\w+=,.@-]/g, '-')}`.slice(0, 64);

export const openAssumedRoles = (settings: StsSettings, timeouts: S3Timeouts): AssumedRoles => {
  interface Kept {
    readonly key: Promise<TemporaryKey>;
    /** Never while the answer is awaited. */
    refreshAt: number;
  }
  const kept = new Map<string, Kept>();

  const nameOf = ({ scope, accountId, roleArn, externalId, region }: Role): string =>
    JSON.stringify([scope.tenant, scope.sandbox, accountId, roleArn, externalId, region]);

  const ask = async (role: Role): Promise<TemporaryKey> => {
    const { region, roleArn, externalId } = role;
    const sts = new STSClient({
      ...settings,
      region,
      maxAttempts: 2,
      requestHandler: { connectionTimeout: timeouts.connect, socketTimeout: timeouts.idle },
    });
    try {
      const { Credentials } = await sts.send(
        new AssumeRoleCommand({ RoleArn: roleArn, ExternalId: externalId, RoleSessionName: sessionName(role) }),
        { abortSignal: AbortSignal.timeout(timeouts.probe) },
      );
      const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = Credentials ?? {};
      if (!AccessKeyId || !SecretAccessKey || !SessionToken || !Expiration) {
        throw new Error('STS answered without credentials.');
      }
      return {
        accessKeyId: AccessKeyId,
        secretAccessKey: SecretAccessKey,
        sessionToken: SessionToken,
        expiration: Expiration,
      };
    } catch (error) {
      throw new RoleError(roleArn, problemOf(error));
    } finally {
      sts.destroy();
    }
  };

  const assume = (role: Role): Promise<TemporaryKey> => {
    const name = nameOf(role);
    const entry: Kept = { key: ask(role), refreshAt: Infinity };
    kept.delete(name);
    kept.set(name, entry);
    if (kept.size > MAX_KEPT) kept.delete([...kept.keys()][0] ?? '');
    entry.key.then(
      ({ expiration }) => {
        const life = expiration.getTime() - Date.now();
        entry.refreshAt = Date.now() + life * (0.75 + Math.random() * 0.1);
      },
      () => {
        if (kept.get(name) === entry) kept.delete(name);
      },
    );
    return entry.key;
  };

  return {
    assume,
    current: (role) => {
      const entry = kept.get(nameOf(role));
      return entry && Date.now() < entry.refreshAt ? entry.key : assume(role);
    },
  };
};
