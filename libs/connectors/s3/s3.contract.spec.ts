import { randomUUID } from 'node:crypto';
import { describeWith } from '@waybill/testkit/availability';
import { findRadosgw, startRadosgw } from '@waybill/testkit/radosgw';
import { findNamedS3, observeS3, type S3Counterpart } from '@waybill/testkit/s3';
import { startS3Server } from '@waybill/testkit/s3-server';
import { findVersitygw, startVersitygw } from '@waybill/testkit/versitygw';
import { type FileDestination, fileConnectorContract } from '../contract-suite.js';
import type { Credentials } from '../port.js';
import { createS3Connector } from './index.js';

const BUCKET = 'contract';

const destinationOn = async (start: () => Promise<S3Counterpart>, bucket = BUCKET): Promise<FileDestination> => {
  const server = await start();
  const observer = observeS3(server);
  const { endpoint, accessKeyId, secretAccessKey } = server;
  const credentials: Credentials = {
    scope: { tenant: 'acme', sandbox: 'prod' },
    accountId: randomUUID(),
    method: 'access-key',
    authentication: { endpoint, accessKeyId, secretAccessKey },
    findings: {},
  };
  const folder = `exports/${randomUUID()}`;
  return {
    connector: createS3Connector(),
    credentials,
    wrongCredentials: {
      credentials: {
        ...credentials,
        authentication: { ...credentials.authentication, secretAccessKey: 'a-wrong-secret' },
      },
      code: 'bad-secret',
    },
    target: { bucket, folder },
    missingTarget: { bucket: `missing-${randomUUID()}`, folder },
    partner: {
      read: (key) => observer.read(bucket, key),
      write: (key, content) => observer.write(bucket, key, content),
      leftovers: async () => {
        const uploads = (await observer.uploads(bucket)).map(({ key }) => key);
        const probes = (await observer.keys(bucket, folder)).filter((key) => key.includes('waybill-probe'));
        return [...uploads.filter((key) => key.startsWith(folder)), ...probes];
      },
      lose: async ({ path }) => {
        const uploads = await observer.uploads(bucket);
        for (const upload of uploads.filter(({ key }) => key === path)) await observer.abort(bucket, upload);
      },
    },
    close: async () => {
      observer.close();
      await server.stop();
    },
  };
};

describe('Amazon S3 on the server of the test kit', () => {
  fileConnectorContract(() => destinationOn(() => startS3Server({ buckets: [BUCKET] })));
});

describeWith('Amazon S3 on versitygw', findVersitygw(), (binary) => {
  fileConnectorContract(() => destinationOn(() => startVersitygw(binary(), [BUCKET])), {
    refusesTakenNames: true,
    repeatsPublications: true,
  });
});

describeWith('Amazon S3 on radosgw', findRadosgw(), () => {
  fileConnectorContract(() => destinationOn(() => startRadosgw([BUCKET])), { refusesTakenNames: false });
});

describeWith('Amazon S3 on the store that the environment names', findNamedS3(), (named) => {
  fileConnectorContract(() =>
    destinationOn(() => Promise.resolve({ ...named(), stop: () => Promise.resolve() }), named().bucket),
  );
});
