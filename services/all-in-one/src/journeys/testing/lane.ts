import { expect } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import type { Api } from './api.js';
import { endOf, expectWholeDelivery, loadSegment, type receiverKey, setUpDelivery } from './exports.js';
import type { WatchedPartner } from './watched-partner.js';

type ReceiverKey = Awaited<ReturnType<typeof receiverKey>>;

/** Members of a segment as rows of CSV, each with a note of its own that nothing compresses. */
export const rowsOf = (members: number, noteBytes: number): readonly string[] =>
  Array.from({ length: members }, (_, index) =>
    [`member-${index + 10}`, randomBytes((noteBytes * 3) / 4).toString('base64')].join(','),
  );

export const loadRows = (api: Api, rows: readonly string[]) =>
  loadSegment(api, 'members', 'id', ['id,note', ...rows, ''].join('\n'));

/** One way on which runs are killed: a watched partner, and a destination there that the rows are exported to. */
export interface Lane {
  readonly partner: WatchedPartner;
  readonly destinationId: string;
  /** Nothing is there, and nothing was seen or is held. */
  begin(): void;
  /** The run has delivered each row once, and then the manifest; nothing came later under the same name, nothing is left. */
  expectExactlyOnce(runId: string): Promise<void>;
}

export interface Cargo {
  /** See `loadRows`. */
  readonly rows: readonly string[];
  readonly files: { readonly maxRowsPerFile: number; readonly compression?: 'gzip' };
  /** For files that are compressed and encrypted; else they are neither. */
  readonly key?: ReceiverKey;
}

export const openLane = async (
  api: Api,
  partner: WatchedPartner,
  name: string,
  { rows, files, key }: Cargo,
): Promise<Lane> => {
  const { id } = await setUpDelivery(api, {
    ...{ name, ...partner, ...(key && { encryptionKey: key.armored }), files },
    ...{ segmentId: 'members', identity: 'id', attributes: ['note'] },
  });
  return {
    partner,
    destinationId: id,
    begin: () => {
      partner.empty();
      partner.watch.sightings.forget();
      partner.watch.pass();
    },
    expectExactlyOnce: async (runId) => {
      const run = await endOf(api, runId);
      partner.watch.look();
      const { wrong, seen } = partner.watch.sightings;
      const contents = await expectWholeDelivery(run, partner.files(), key?.open ?? ((file) => Promise.resolve(file)));
      const delivered = contents.flatMap((content) => content.toString().trimEnd().split(/\r?\n/).slice(1));
      expect(contents).toHaveLength(Math.ceil(rows.length / files.maxRowsPerFile));
      expect(delivered.sort()).toEqual([...rows].sort());
      expect(wrong).toEqual([]);
      expect(seen).toEqual([...run.files, run.manifest!].map(({ path, sha256 }) => [path, sha256]));
      expect(partner.leftovers()).toEqual([]);
    },
  };
};
