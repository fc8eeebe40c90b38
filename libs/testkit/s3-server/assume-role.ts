import { randomBytes } from 'node:crypto';
import { S3Error } from './s3-error.js';
import { document, element } from './xml.js';

/** A role that may be assumed by whoever knows its external id. */
export interface Role {
  readonly externalId: string;
  /** How long its credentials live; default an hour. */
  readonly lifetimeSeconds?: number;
}

export interface Session {
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiresAt: Date;
}

/** STS AssumeRole: the form a client posts, and the temporary credentials it gets, kept in `sessions`. */
export const assumeRole = (
  form: URLSearchParams,
  roles: ReadonlyMap<string, Role>,
  sessions: Map<string, Session>,
  now: number,
): string => {
  if (form.get('Action') !== 'AssumeRole') throw new S3Error(400, 'InvalidAction', 'This server only does AssumeRole.');
  const arn = form.get('RoleArn') ?? '';
  const role = roles.get(arn);
  if (!role || role.externalId !== form.get('ExternalId')) {
    throw new S3Error(403, 'AccessDenied', `User is not authorized to perform: sts:AssumeRole on resource: ${arn}`);
  }
  const accessKeyId = `ASIA${randomBytes(8).toString('hex').toUpperCase()}`;
  const session: Session = {
    secretAccessKey: randomBytes(30).toString('base64'),
    sessionToken: randomBytes(60).toString('base64'),
    expiresAt: new Date(now + (role.lifetimeSeconds ?? 3_600) * 1_000),
  };
  sessions.set(accessKeyId, session);
  const credentials = [
    element('AccessKeyId', accessKeyId),
    element('SecretAccessKey', session.secretAccessKey),
    element('SessionToken', session.sessionToken),
    element('Expiration', session.expiresAt.toISOString()),
  ];
  const user = [element('AssumedRoleId', `AROA:${form.get('RoleSessionName')}`), element('Arn', arn)];
  return document(
    element('AssumeRoleResponse', [
      element('AssumeRoleResult', [element('Credentials', credentials), element('AssumedRoleUser', user)]),
    ]),
  );
};
