import { createServer } from 'node:net';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, isFree, startProcess } from './index.js';

describe('a free port', () => {
  it('is none that a system gives to whoever asks for any, and is handed out once', async () => {
    const ports = await Promise.all(Array.from({ length: 50 }, freePort));
    for (const port of ports) expect(port).toBeLessThan(32_768);
    expect(new Set(ports).size).toBe(ports.length);
  });

  it('is told from one that somebody listens on', async () => {
    const port = await freePort();
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    expect(await isFree(port)).toBe(false);
    server.close();
    await once(server, 'close');
    expect(await isFree(port)).toBe(true);
  });
});

describe('a process', () => {
  it('that is not there is not up, though somebody answers in its place', async () => {
    await expect(startProcess('/no/such/program', [], () => Promise.resolve(true))).rejects.toThrow('ended at once');
  });

  it('is ended when its start is given up', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'waybill-local-process-'));
    const file = join(folder, 'pid');
    const given = new AbortController();
    const isUp = () => {
      if (existsSync(file)) given.abort(new Error('given up'));
      return Promise.resolve(false);
    };
    const script = `echo $$ > ${file}.new; mv ${file}.new ${file}; exec sleep 600`;
    await expect(startProcess('sh', ['-c', script], isUp, { signal: given.signal })).rejects.toThrow('given up');
    const pid = Number(await readFile(file, 'utf8'));
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    await rm(folder, { recursive: true });
  });
});
