import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openEventStoreDb } from '@waybill/event-store/eventstoredb';
import { freePort } from '@waybill/testkit/local-process';

const MAIN = fileURLToPath(new URL('dist/counterpart.js', import.meta.url));

describe('npm run counterpart', () => {
  it("starts EventStoreDB's protocol alone, at the port that was asked for, and says where", async () => {
    const port = await freePort();
    const child = spawn(process.execPath, [MAIN, 'eventstoredb', '--port', String(port)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
      const [url] = /esdb:\/\/\S+?(?=;)/.exec(line) ?? [''];
      expect(new URL(url).port).toBe(String(port));
      const store = await openEventStoreDb({ url });
      expect(await store.head()).toBe(store.start);
      await store.close();
    } finally {
      child.kill('SIGTERM');
    }
    expect(await once(child, 'close')).toEqual([0, null]);
  });
});
