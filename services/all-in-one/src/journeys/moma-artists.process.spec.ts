import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { type Availability, available, describeWith, unavailable } from '@waybill/testkit/availability';
import { findGnuPG, type GnuPG } from '@waybill/testkit/gnupg';
import { findOpenSsh } from '@waybill/testkit/openssh';
import { observeS3 } from '@waybill/testkit/s3';
import { findVersitygw, startVersitygw } from '@waybill/testkit/versitygw';
import { parse } from 'csv-parse/sync';
import type { Api } from './testing/api.js';
import { endOf, expectWholeDelivery, exportNow, loadSegment, setUpDelivery } from './testing/exports.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

/** The artists of the Museum of Modern Art (https://github.com/MuseumofModernArt/collection), as one CSV file. */
const FILE =
  process.env['WAYBILL_TEST_MOMA_FILE'] ??
  fileURLToPath(new URL('../../../../../shared/data/moma-artists.csv', import.meta.url));
const ARTISTS = 14_839;
const IDENTITY = 'ConstituentID';
const BUCKET = 'museum';

const findArtists = (): Availability<string> =>
  existsSync(FILE) ? available(FILE) : unavailable(`${FILE} is not there; WAYBILL_TEST_MOMA_FILE may name it`);

const both = <A, B>(a: Availability<A>, b: Availability<B>): Availability<readonly [A, B]> => {
  if (!a.available) return a;
  return b.available ? available([a.value, b.value]) : b;
};

type Row = Readonly<Record<string, string>>;
const rowsOf = (csv: Buffer): readonly Row[] => parse(csv, { columns: true, bom: true });

/** In the order of the identity; column names as the mapping writes them. */
const sorted = (rows: readonly Row[]): readonly Row[] =>
  rows
    .map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name.replaceAll(' ', '_'), value])))
    .sort((a, b) => Number(a[IDENTITY]) - Number(b[IDENTITY]));

describeWith("the museum's 14,839 artists", both(findArtists(), findGnuPG()), (value) => {
  let waybill: Waybill;
  let api: Api;
  let gnupg: GnuPG;
  let publicKey: string;
  let fingerprint: string;
  let source: readonly Row[];

  beforeAll(async () => {
    const [file, openGnuPG] = value();
    const csv = readFileSync(file);
    source = rowsOf(csv);
    expect(source).toHaveLength(ARTISTS);
    gnupg = openGnuPG();
    waybill = await startWaybill();
    api = waybill.api();
    fingerprint = await gnupg.makeKey({ userId: 'museum@partner.example', primary: 'rsa3072', encryption: 'rsa3072' });
    publicKey = await gnupg.exportArmored(fingerprint);
    expect(await loadSegment(api, 'artists', IDENTITY, csv)).toMatchObject({
      ...{ received: ARTISTS, accepted: ARTISTS, entered: ARTISTS, rejected: 0 },
    });
  });
  afterAll(async () => {
    await waybill.close();
    await gnupg.close();
  });

  const open = async (file: Buffer): Promise<Buffer> => gunzipSync(await gnupg.decrypt(chunksOf(file)));

  /** Exports all of them and answers what the partner reads, file by file. */
  const deliver = async (
    place: Pick<Parameters<typeof setUpDelivery>[1], 'name' | 'type' | 'authentication' | 'target' | 'files'>,
    fetch: (path: string) => Promise<Buffer | undefined>,
  ): Promise<readonly Buffer[]> => {
    const [{ [IDENTITY]: _, ...others } = {}] = source;
    const { id } = await setUpDelivery(api, {
      ...{ ...place, encryptionKey: publicKey, segmentId: 'artists' },
      ...{ identity: IDENTITY, attributes: Object.keys(others) },
    });
    const run = await endOf(api, await exportNow(api, id), 60_000);
    expect(run).toMatchObject({ status: 'completed', counts: { read: ARTISTS, written: ARTISTS, skipped: 0 } });
    const paths = [...run.files, run.manifest!].map(({ path }) => path);
    const fetched = await Promise.all(paths.map(async (path) => [path, (await fetch(path))!] as const));
    return expectWholeDelivery(run, new Map(fetched), open);
  };

  describeWith('on an OpenSSH server', findOpenSsh(), (openSsh) => {
    it.each([
      { format: 'csv', read: rowsOf },
      {
        format: 'json',
        read: (text: Buffer) =>
          text
            .toString()
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line) as Row),
      },
    ])(
      'are the same row by row once GnuPG has decrypted the $format',
      async ({ format, read }) => {
        const server = await openSsh().start();
        try {
          const { host, port, username, password, hostKeys } = server;
          const contents = await deliver(
            {
              ...{ name: `SFTP ${format}`, type: 'sftp' },
              authentication: { method: 'password', host, port, username, password, hostKey: hostKeys.ed25519 },
              target: { folder: `/${server.folder}` },
              files: { format, compression: 'gzip', maxRowsPerFile: 6_000 },
            },
            (path) => Promise.resolve(readFileSync(join(server.root, path))),
          );
          expect(contents).toHaveLength(3);
          expect(sorted(contents.flatMap(read))).toEqual(sorted(source));
        } finally {
          await server.stop();
        }
      },
      90_000,
    );
  });

  describeWith('on a real S3 server', findVersitygw(), (versitygw) => {
    it('are the same row by row once GnuPG has decrypted the file', async () => {
      const server = await startVersitygw(versitygw(), [BUCKET]);
      const partner = observeS3(server);
      try {
        const { endpoint, region, accessKeyId, secretAccessKey } = server;
        const contents = await deliver(
          {
            ...{ name: 'S3', type: 'amazon-s3' },
            authentication: {
              ...{ method: 'access-key', endpoint, region, accessKeyId, secretAccessKey, forcePathStyle: true },
            },
            target: { bucket: BUCKET, folder: 'artists' },
            files: { format: 'csv', compression: 'gzip' },
          },
          (key) => partner.read(BUCKET, key),
        );
        expect(contents).toHaveLength(1);
        expect(sorted(contents.flatMap(rowsOf))).toEqual(sorted(source));
      } finally {
        partner.close();
        await server.stop();
      }
    }, 90_000);
  });
});

async function* chunksOf(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
  await Promise.resolve();
}
