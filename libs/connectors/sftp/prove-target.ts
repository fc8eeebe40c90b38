import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { Checklist } from '../checklist.js';
import { pathIn } from '../folder.js';
import type { Credentials, Environment, Findings, Proof } from '../port.js';
import type { Deadlines } from './deadlines.js';
import { problemOf, SftpFailure } from './failure.js';
import { temporaryPath } from './names.js';
import { expectFolder, expectSize } from './expectations.js';
import { connectWithChecks } from './prove-credentials.js';
import { sha256At } from './read-back.js';
import type { SftpSession } from './session.js';
import type { RenameManner } from './sink.js';
import { folderOf, resourceOf } from './spec.js';
import { Probes, Stopped, TargetReport } from './target-report.js';
import { upload } from './upload.js';

/** A few blocks, so that several writes are in flight as they are in delivery. */
const PROBE_BYTES = 256 * 1024 + 1;

export const proveSftpTarget = async (
  credentials: Credentials,
  target: Readonly<Record<string, unknown>>,
  environment: Environment,
  deadlines: Deadlines,
): Promise<Proof> => {
  const checks = new Checklist(problemOf);
  const folder = folderOf(target);
  const perSegment = folderOf(target, { id: 'id', name: 'name' }) !== folder;
  const report = new TargetReport(
    checks,
    (path) => resourceOf(credentials.authentication, path),
    folder,
    environment.signal,
  );
  const { session, unconfirmedHostKey } = await connectWithChecks(checks, credentials, environment, deadlines);
  let findings: Findings = {};
  if (session) {
    const probes = new Probes(session);
    try {
      findings = await tryFolder(session, report, probes, folder, perSegment, environment.signal);
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
    } finally {
      await probes.remove(report);
      await session.end();
    }
  }
  report.drop(
    'posix-rename',
    ...(perSegment ? [] : (['make-folder'] as const)),
    ...(session ? (['delete'] as const) : []),
  );
  report.skipTheRest('Not tried, since an earlier check failed.');
  return { ...checks.proof(findings), ...(unconfirmedHostKey ? { unconfirmedHostKey } : {}) };
};

const tryFolder = async (
  session: SftpSession,
  report: TargetReport,
  probes: Probes,
  target: string,
  perSegment: boolean,
  signal: AbortSignal,
): Promise<Findings> => {
  const id = randomUUID().slice(0, 8);
  await report.must('folder', target, () => expectFolder(session, target), 'The folder is there.');

  const missing = temporaryPath(target, `proof-${id}-missing`);
  await report.must(
    'delete-missing',
    missing,
    () => unlessDenied(session.remove(missing)),
    'Deleting a name that is not there is not refused, so deleting is allowed.',
  );

  let folder = target;
  if (perSegment) folder = await tryMakingFolder(session, report, probes, target, id);

  const first = temporaryPath(folder, `proof-${id}-1`);
  const name = pathIn(folder, `.waybill-proof-${id}.csv`);
  const handle = await report.must('create', first, () => probes.create(first), 'A new file can be created.');
  const content = Buffer.alloc(PROBE_BYTES, id);
  const { bytes, sha256 } = await report.must(
    'write',
    first,
    () => upload(session, { handle, path: first }, Readable.from([content]), signal),
    'Several writes at a time are taken.',
  );
  await report.note(
    'sync',
    first,
    async () => {
      if (!session.capabilities.fsync)
        throw new SftpFailure(
          'not-supported',
          'The server offers no fsync.',
          'Nothing needs to be done: sizes are verified all the same.',
        );
      await session.fsync(handle, first, bytes);
    },
    'The server writes files through to its disk.',
    true,
  );
  await report.must(
    'size',
    first,
    async () => {
      await session.close(handle, first, bytes);
      await expectSize(session, first, bytes);
    },
    'The server tells the size that was written.',
  );

  const rename = await tryRename(session, report, probes, first, name);
  await report.note(
    'read-back',
    name,
    async () => {
      if ((await sha256At(session, name, bytes)) === sha256) return;
      throw new SftpFailure(
        'unexpected',
        `"${name}" reads back as other bytes than were written.`,
        'Ask the partner whether something on their side touches files.',
      );
    },
    'The file reads back as it was written, so an export whose answer was lost can be settled.',
    true,
  );
  if (rename === 'unsupported') {
    report.skip(['rename-refused'], 'Not tried: posix-rename replaces what is there, so delivery looks first.');
    return { rename };
  }
  const refused = await refusesTakenName(session, report, probes, name, temporaryPath(folder, `proof-${id}-2`));
  return { rename: refused ? rename : 'replaces' };
};

/** A folder of the proof's own, as delivery makes one for each segment; the target itself where it could not be removed. */
const tryMakingFolder = async (
  session: SftpSession,
  report: TargetReport,
  probes: Probes,
  target: string,
  id: string,
): Promise<string> => {
  const folder = pathIn(target, `.waybill-proof-${id}`);
  const removable = await unlessDenied(session.removeFolder(folder)).then(
    () => true,
    () => false,
  );
  if (!removable) {
    report.skip(['make-folder'], 'Not tried: deleting folders is denied, so the folder would stay.');
    return target;
  }
  await report.must('make-folder', folder, () => probes.makeFolder(folder), 'A folder can be made for a segment.');
  return folder;
};

/** Plain rename, or posix-rename where the server has no other. */
const tryRename = async (
  session: SftpSession,
  report: TargetReport,
  probes: Probes,
  from: string,
  to: string,
): Promise<RenameManner> => {
  const passed = 'A file gets its final name by one call.';
  if (!session.capabilities.posixRename) {
    await report.must('rename', to, () => probes.rename(from, to), passed);
    return 'refuses';
  }
  const plain = await report.note('rename', to, () => probes.rename(from, to), passed, true);
  if (plain.passed) return 'refuses';
  await report.must('posix-rename', to, () => probes.posixRename(from, to), 'posix-rename stands in for plain rename.');
  return 'unsupported';
};

/** Whether a plain rename leaves a taken name alone, as version 3 of the protocol wants it. */
const refusesTakenName = async (
  session: SftpSession,
  report: TargetReport,
  probes: Probes,
  taken: string,
  second: string,
): Promise<boolean> => {
  const tried = await report.note(
    'rename-refused',
    taken,
    async () => {
      const handle = await probes.create(second);
      await session.close(handle, second);
      const refused = await probes.rename(second, taken).then(
        () => false,
        (error: unknown) => {
          if (error instanceof SftpFailure && session.alive) return true;
          throw error;
        },
      );
      if (!refused)
        throw new SftpFailure(
          'not-supported',
          'A plain rename replaces a file of the same name.',
          'Nothing needs to be done: delivery looks before it renames. Only a second writer at the same moment could be overwritten.',
        );
    },
    'A name that is taken is refused, so no file is ever replaced.',
    true,
  );
  return tried.passed;
};

/** A denial shows on a missing name as well; every other answer means that the call is allowed. */
const unlessDenied = async (request: Promise<boolean>): Promise<void> => {
  try {
    await request;
  } catch (error) {
    const allowed = error instanceof SftpFailure && error.provider === 'SSH_FX_FAILURE';
    if (!allowed) throw error;
  }
};
