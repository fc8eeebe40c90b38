// The door of every npm script. Plain JavaScript on any Node >= 20, with nothing installed yet: it installs, builds, and
// hands over to the Node that npm brought.
import { join } from 'node:path';
import { install } from './bootstrap/install.mjs';
import { runNode } from './bootstrap/node.mjs';
import { fail, modules, root } from './bootstrap/run.mjs';

const [task, ...rest] = process.argv.slice(2);

/** Compiles what changed since the last time (Nx knows), and is silent when all is well. */
const build = async () => {
  const nx = [join(modules, 'nx/dist/bin/nx.js'), 'run-many', '--targets=build', '--output-style=static'];
  const { code, output } = await runNode(nx, { quiet: true, env: { FORCE_COLOR: '0' } });
  if (code === 0) return;
  const [, ...tasks] = output.split(/\n(?=> nx run )/);
  const news = tasks.filter((text) => !/local cache|existing outputs/.test(text));
  fail(`${news.join('\n') || output}\nThe build failed; its message stands above.`);
};

const script = async (file, ...args) => (await runNode([join(root, file), ...args, ...rest])).code;

// Streaming rows makes short-lived garbage; a small nursery (MB) keeps 100 MB of it out of the process, as fast as a large one.
const NODE_FLAGS = ['--enable-source-maps', '--max-semi-space-size=8', '--disable-warning=TimeoutNegativeWarning'];

const built = (file) => async () => {
  await build();
  return (await runNode([...NODE_FLAGS, join(root, file), ...rest])).code;
};

const tasks = {
  build: async () => (await build(), 0),
  start: built('services/all-in-one/dist/main.js'),
  demo: built('tools/dist/demo/main.js'),
  distributed: built('tools/dist/distributed/main.js'),
  test: built('tools/test/main.mjs'),
  bench: built('tools/dist/bench/main.js'),
  counterpart: built('tools/dist/counterpart.js'),
  waybill: built('cli/dist/main.js'),
  docs: built('tools/dist/docs.js'),
  lint: () => script('tools/lint/main.mjs'),
  typecheck: () =>
    script(
      'node_modules/typescript/bin/tsc',
      '--incremental',
      '--tsBuildInfoFile',
      join(modules, '.cache/typecheck.json'),
    ),
};

if (!Object.hasOwn(tasks, task)) fail(`No such task: ${task}. There are: ${Object.keys(tasks).join(', ')}.`);
await install();
process.exitCode = await tasks[task]();
