import { describeWith } from '../availability/index.js';
import { findRadosgw, startRadosgw } from '../radosgw/index.js';
import { findVersitygw, startVersitygw } from '../versitygw/index.js';
import { observeS3, type S3Counterpart } from './index.js';

const holdsObjects = (start: () => Promise<S3Counterpart>): void => {
  it('starts with its buckets, holds objects, and stops', async () => {
    const server = await start();
    const observer = observeS3(server);
    expect(await observer.read('first', 'a b/ü')).toBeUndefined();
    await observer.write('first', 'a b/ü', Buffer.from('content'));
    expect((await observer.read('first', 'a b/ü'))?.toString()).toBe('content');
    expect(await observer.keys('first', 'a b/')).toEqual(['a b/ü']);
    expect(await observer.uploads('first')).toEqual([]);
    observer.close();
    await server.stop();
    await expect(fetch(server.endpoint)).rejects.toThrow();
  }, 180_000);
};

describeWith('versitygw', findVersitygw(), (binary) => holdsObjects(() => startVersitygw(binary(), ['first'])));
describeWith('radosgw', findRadosgw(), () => holdsObjects(() => startRadosgw(['first'])));
