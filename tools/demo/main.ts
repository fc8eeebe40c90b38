// `npm run demo`: the main job, end to end, on this machine alone: an all-in-one Waybill on its embedded PostgreSQL, a partner's
// SFTP server in this process, a segment of profiles, and one encrypted export that is fetched, decrypted and compared.
// `--streams`: instead, a segment and its changes on their way to a Kinesis stream and an event hub.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createApi } from './api.js';
import { generatedProfiles, profilesOfFile } from './profiles.js';
import { narrate } from './narrator.js';
import { startPartner } from './partner.js';
import { runStory } from './story.js';
import { runStreamsStory, startStreamPartners } from './streams-story.js';
import { type StartedWaybill, startWaybill } from './waybill.js';

const HELP = `npm run demo -- [options]
  --count N            generated profiles (default 20000)
  --profiles FILE      a CSV file of your own instead, with --identity COLUMN
  --identity COLUMN    the column that identifies a profile
  --streams            events to a Kinesis stream and an event hub, instead of files
  --keep               leave everything running and print its addresses; Ctrl-C ends it`;

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '20000' },
    profiles: { type: 'string' },
    identity: { type: 'string' },
    streams: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const main = async (): Promise<number> => {
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const count = Number(values.count);
  if (!Number.isInteger(count) || count < 1) throw new Error('--count must be a whole number of at least 1');
  if (values.profiles !== undefined && values.identity === undefined)
    throw new Error(`--profiles needs --identity\n\n${HELP}`);
  const profiles =
    values.profiles === undefined ? generatedProfiles(count) : profilesOfFile(values.profiles, values.identity ?? '');

  const started = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'waybill-demo-'));
  await using opened = new AsyncDisposableStack();
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const interrupted = new Promise<void>((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));

  const narrator = narrate(process.stdout);
  const start = async (): Promise<{ waybill: StartedWaybill; story: Promise<void>; whereabouts: string }> => {
    if (values.streams) {
      const { partners, stop } = await startStreamPartners();
      opened.defer(stop);
      const waybill = await startWaybill(join(folder, 'waybill'));
      opened.defer(() => waybill.stop());
      const story = runStreamsStory({ api: createApi(waybill.address), partners, narrator });
      return { waybill, story, whereabouts: 'the stream and the hub are in this process' };
    }
    const partner = await startPartner(join(folder, 'partner'));
    opened.defer(() => partner.stop());
    const waybill = await startWaybill(join(folder, 'waybill'));
    opened.defer(() => waybill.stop());
    const story = runStory({ api: createApi(waybill.address), partner, profiles, narrator });
    return { waybill, story, whereabouts: `the partner's files are in ${partner.folder}` };
  };
  const { waybill, story, whereabouts } = await start();
  try {
    await Promise.race([story, interrupted.then(() => Promise.reject(new Error('interrupted')))]);
  } catch (error) {
    waybill.lastWords().forEach((line) => console.error(line));
    throw error;
  }
  console.log(`\nAll of it took ${((performance.now() - started) / 1000).toFixed(1)} s.`);

  if (values.keep) {
    console.log(`\nWaybill goes on at ${waybill.address} (docs: ${waybill.address}/docs), ${whereabouts}.`);
    console.log('Ctrl-C ends both and removes everything.');
    await interrupted;
  }
  return 0;
};

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  },
);
