import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isOpenToAll, loadMasterKey } from './master-key.js';

describe('the master key', () => {
  let folder: string;
  let warnings: string[];
  const warn = (text: string) => void warnings.push(text);
  const value = randomBytes(32).toString('base64');

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'waybill-key-'));
    warnings = [];
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('comes from the environment or from a file, the same either way', async () => {
    const file = join(folder, 'key');
    await writeFile(file, `${value}\n`, { mode: 0o600 });
    const [one, two] = [await loadMasterKey({ value, warn }), await loadMasterKey({ file, warn })];
    expect(one.keyId).toBe(two.keyId);
    expect(await two.unwrap(await one.wrap(Buffer.from('data key'), 'here'), 'here')).toEqual(Buffer.from('data key'));
    expect(warnings).toEqual([]);
  });

  it('has an id that does not give it away', async () => {
    const { keyId } = await loadMasterKey({ value, warn });
    expect(keyId).toMatch(/^[0-9a-f]{16}$/);
    expect(Buffer.from(value, 'base64').toString('hex')).not.toContain(keyId);
  });

  it('opens nothing that it did not wrap, or not here', async () => {
    const one = await loadMasterKey({ value, warn });
    const other = await loadMasterKey({ value: randomBytes(32).toString('base64'), warn });
    const wrapped = await one.wrap(Buffer.from('data key'), 'here');
    await expect(other.unwrap(wrapped, 'here')).rejects.toThrow();
    await expect(one.unwrap(wrapped, 'there')).rejects.toThrow();
  });

  it('is made on the first start, for its owner only, with a warning that says what losing it means', async () => {
    const data = join(folder, 'new', 'data');
    const first = await loadMasterKey({ generateIn: data, warn });
    expect((await stat(join(data, 'master.key'))).mode & 0o777).toBe(0o600);
    expect(warnings).toEqual([expect.stringMatching(/without it they are lost/)]);
    expect(warnings[0]).not.toContain((await readFile(join(data, 'master.key'), 'utf8')).trim());
    const again = await loadMasterKey({ generateIn: data, warn });
    expect(again.keyId).toBe(first.keyId);
    expect(warnings).toHaveLength(1);
  });

  it('is made once by processes that start at the same time, and no draft of it stays', async () => {
    const keys = await Promise.all(Array.from({ length: 8 }, () => loadMasterKey({ generateIn: folder, warn })));
    expect(new Set(keys.map(({ keyId }) => keyId)).size).toBe(1);
    expect(warnings).toHaveLength(1);
    expect(await readdir(folder)).toEqual(['master.key']);
  });

  it('is refused with the reason, and never shown', async () => {
    const short = randomBytes(31).toString('base64');
    const file = join(folder, 'key');
    await writeFile(file, '\n', { mode: 0o600 });
    const cases: readonly (readonly [Parameters<typeof loadMasterKey>[0], string, RegExp])[] = [
      [{ value: short, warn }, 'master-key-malformed', /WAYBILL_MASTER_KEY holds 31 bytes.*must be 32/],
      [{ value: 'not base64 !', warn }, 'master-key-malformed', /not Base64/],
      [{ value: '', warn }, 'master-key-malformed', /empty/],
      [{ file, warn }, 'master-key-malformed', /is empty/],
      [{ file: join(folder, 'missing'), warn }, 'master-key-unreadable', /missing.*ENOENT/],
      [{ file: folder, warn }, 'master-key-unreadable', /EISDIR/],
      [{ value, file, warn }, 'master-key-malformed', /both set/],
      [{ warn }, 'master-key-missing', /openssl rand -base64 32/],
    ];
    for (const [source, slug, text] of cases) {
      await expect(loadMasterKey(source)).rejects.toMatchObject({
        slug,
        kind: 'malformed',
        message: expect.stringMatching(text) as string,
      });
      await expect(loadMasterKey(source)).rejects.not.toThrow(short);
    }
  });

  it('is warned about when everybody may read its file', async () => {
    const file = join(folder, 'key');
    await writeFile(file, value);
    await chmod(file, 0o644);
    await loadMasterKey({ file, warn });
    expect(warnings).toEqual([expect.stringMatching(/may be read by every user.*chmod 600/)]);
  });

  it.each([
    ['/var/lib/waybill/master.key', 0o100604, true],
    ['/var/lib/waybill/master.key', 0o100640, false],
    ['/run/secrets/master.key', 0o100444, false],
    ['/var/run/secrets/waybill/master.key', 0o100644, false],
    ['/run/secrets/../../home/waybill/master.key', 0o100644, true],
    ['/srv/run/secrets/master.key', 0o100644, true],
  ])('is warned about as it lies at %s, unless only this process is there to read it', (file, mode, warned) => {
    expect(isOpenToAll(file, mode)).toBe(warned);
  });
});
