import { startS3Server, type S3Server } from '@waybill/testkit/s3-server';

/** A partner with an S3-compatible store and a bucket in it. */
export interface S3Partner {
  readonly server: S3Server;
  readonly bucket: string;
  /** The `authentication` of an account of it. */
  authentication(changes?: object): Record<string, unknown>;
  /** The body of `POST /v1/accounts`. */
  account(name: string, changes?: object): Record<string, unknown>;
  /** Keys, in order. */
  keys(): readonly string[];
  read(key: string): Buffer;
  stop(): Promise<void>;
}

const ACCESS_KEY_ID = 'PARTNERKEY';

export const startS3Partner = async (secretAccessKey = 'partner/secret+key'): Promise<S3Partner> => {
  const bucket = 'audiences';
  const server = await startS3Server({ users: { [ACCESS_KEY_ID]: secretAccessKey }, buckets: [bucket] });
  const authentication = (changes: object = {}) => ({
    ...{ method: 'access-key', accessKeyId: ACCESS_KEY_ID, secretAccessKey },
    ...{ region: server.region, endpoint: server.endpoint, forcePathStyle: true },
    ...changes,
  });
  const objects = () => server.buckets.get(bucket)!.objects;
  return {
    server,
    bucket,
    authentication,
    account: (name, changes = {}) => ({ type: 'amazon-s3', name, authentication: authentication(changes) }),
    keys: () => [...objects().keys()].sort(),
    read: (key) => {
      const object = objects().get(key);
      if (!object) throw new Error(`the partner has no object ${key}`);
      return object.body;
    },
    stop: () => server.stop(),
  };
};
