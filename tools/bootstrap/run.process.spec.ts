import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

const program = `
  const told = [];
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {
    told.push(signal);
    setTimeout(() => { console.log('drained after', told.join()); process.exit(7); }, 300);
  });
  setInterval(() => {}, 1000);
  console.log('up');
`;

const door = `
  import { run } from ${JSON.stringify(join(import.meta.dirname, 'run.mjs'))};
  process.exit((await run(process.execPath, ['--eval', ${JSON.stringify(program)}])).code);
`;

/** A program behind the door, without a terminal, as CI and process managers start it. */
const start = async () => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', door], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [first] = (await once(child.stdout, 'data')) as [Buffer];
  expect(first.toString()).toBe('up\n');
  return { child, end: Promise.all([once(child, 'close'), text(child.stdout)]) };
};

describe('The door of the scripts', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'passes %s on once, waits, and ends with the code of the program',
    async (signal) => {
      const { child, end } = await start();
      child.kill(signal);
      await sleep(50);
      child.kill(signal);
      const [[code], output] = await end;
      expect(output).toBe(`drained after ${signal}\n`);
      expect(code).toBe(7);
    },
  );

  it('answers 128 and the number of the signal for a program that one ended', async () => {
    const { run } = (await import(join(import.meta.dirname, 'run.mjs'))) as {
      run(command: string, args: readonly string[]): Promise<{ code: number }>;
    };
    expect(await run(process.execPath, ['--eval', 'process.kill(process.pid, "SIGKILL")'])).toMatchObject({
      code: 137,
    });
  });
});
