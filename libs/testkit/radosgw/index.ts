import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Availability, available, unavailable } from '../availability/index.js';
import { ensureDebianPackages } from '../install/index.js';
import { answersHttp, freePort, type LocalProcess, startProcess } from '../local-process/index.js';
import { observeS3, type S3Counterpart } from '../s3/index.js';

const PROGRAM = '/usr/bin/radosgw';
const TRIES = 10;
/** For each of its three daemons; on a busy machine they take many times what they do alone. */
const UP_MS = 120_000;
const PACKAGES = ['radosgw', 'ceph-mon', 'ceph-osd', 'ceph-common'];

export const findRadosgw = (): Availability<string> =>
  existsSync(PROGRAM) && existsSync('/usr/bin/ceph-osd')
    ? available(PROGRAM)
    : unavailable('Ceph is not installed; CI=true installs radosgw, ceph-mon and ceph-osd on Debian as root');

export const prepare = (): Availability<string> => {
  for (const probe of [PROGRAM, '/usr/bin/ceph-mon', '/usr/bin/ceph-osd', '/usr/bin/ceph']) {
    ensureDebianPackages(probe, PACKAGES);
  }
  return findRadosgw();
};

/** One monitor and one store, both in memory, no authentication among them. */
const configuration = (home: string, clusterId: string, port: number, monitorPort: number): string => `
[global]
fsid = ${clusterId}
mon host = v1:127.0.0.1:${monitorPort}
ms bind msgr2 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
auth supported = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
mon warn on pool no redundancy = false
mon cluster log to syslog = false
mon data = ${home}/mon
osd data = ${home}/osd
osd objectstore = memstore
memstore device bytes = 4294967296
osd max object name len = 256
osd crush update on start = false
osd class update on start = false
osd class load list = *
osd class default list = *
run dir = ${home}
log file = ${home}/$name.log
admin socket = ${home}/$name.asok
pid file = ${home}/$name.pid
debug mon = 0
[client]
keyring = /dev/null
rgw frontends = beast endpoint=127.0.0.1:${port}
rgw enable usage log = false
`;

/** Ceph's S3 server, which stands for the older ones in the field. Takes twelve seconds to start, five to stop. */
export const startRadosgw = async (buckets: readonly string[] = []): Promise<S3Counterpart> => {
  const home = await mkdtemp(join(tmpdir(), 'waybill-radosgw-'));
  const [port, monitorPort] = [await freePort(), await freePort()];
  const clusterId = randomUUID();
  const CEPH_CONF = join(home, 'ceph.conf');
  await writeFile(CEPH_CONF, configuration(home, clusterId, port, monitorPort));
  for (const folder of ['mon', 'osd']) await mkdir(join(home, folder));
  const run = async (program: string, ...args: readonly string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)(program, args, {
      env: { ...process.env, CEPH_CONF },
      timeout: 30_000,
    });
    return stdout.trim();
  };
  /** A monitor that has just begun, or learned of something, may not know for a moment who asks, or for what. */
  const runPatiently = async (...command: readonly [string, ...string[]]): Promise<string> => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await run(...command);
      } catch (error) {
        if (tries === TRIES) throw error;
        await sleep(500);
      }
    }
  };
  const running: LocalProcess[] = [];
  const start = async (program: string, args: readonly string[], isUp: () => Promise<boolean>): Promise<void> => {
    running.unshift(await startProcess(program, ['-f', ...args], isUp, { env: { CEPH_CONF }, withinMs: UP_MS }));
  };
  /** The gateway first, which waits for the store, then the store, then the monitor. */
  const stop = async (): Promise<void> => {
    for (const each of running) await each.stop();
    await rm(home, { recursive: true, force: true });
  };

  try {
    const map = join(home, 'monmap');
    const monitor = `[v1:127.0.0.1:${monitorPort}]`;
    await run('monmaptool', '--create', '--clobber', '--addv', 'a', monitor, '--fsid', clusterId, map);
    await run('ceph-mon', '-i', 'a', '--mkfs', '--monmap', map);
    await start('ceph-mon', ['-i', 'a'], async () => Boolean(await run('ceph', '--connect-timeout', '5', 'fsid')));
    const storeId = randomUUID();
    const id = await runPatiently('ceph', 'osd', 'new', storeId);
    // Ceph 16 would place the store by itself, at times before it knows its cluster ("wrong fsid").
    await runPatiently('ceph', 'osd', 'crush', 'add', `osd.${id}`, '1', 'root=default', 'host=localhost');
    await run('ceph-osd', '-i', id, '--mkfs', '--osd-uuid', storeId);
    await start('ceph-osd', ['-i', id], async () => (await run('ceph', 'osd', 'stat')).includes('1 up'));
    const endpoint = `http://127.0.0.1:${port}`;
    await start(PROGRAM, ['-n', 'client.rgw.a'], answersHttp(endpoint));
    const user = { accessKeyId: 'waybill-test', secretAccessKey: 'waybill/test+secret' };
    const keys = [`--access-key=${user.accessKeyId}`, `--secret-key=${user.secretAccessKey}`];
    const create = ['user', 'create', '--uid=test', '--display-name=test', ...keys];
    await runPatiently('radosgw-admin', '-n', 'client.rgw.a', ...create);
    const counterpart = { endpoint, region: 'us-east-1', ...user, stop };
    const observer = observeS3(counterpart);
    for (const bucket of buckets) await observer.createBucket(bucket);
    observer.close();
    return counterpart;
  } catch (error) {
    await stop();
    throw error;
  }
};
