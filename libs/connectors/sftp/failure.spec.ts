import { statusFailure } from './failure.js';

const FAILURE = 4;
const NO_SUCH_FILE = 2;

describe('a status reply', () => {
  it.each(['No space left on device', 'Disk full', 'write: quota exceeded'])(
    'that says nothing but by its text "%s" is a full disk',
    (text) => {
      expect(statusFailure('SSH_FXP_WRITE', 'in/a.csv', FAILURE, text).code).toBe('storage-full');
    },
  );

  it('is what its code says, whatever the name of the file that its text repeats', () => {
    const path = 'quota/disk full.csv';
    const text = `"/home/acme/${path}": not possible`;
    expect(statusFailure('SSH_FXP_STAT', path, NO_SUCH_FILE, text).code).toBe('not-found');
    expect(statusFailure('SSH_FXP_STAT', path, FAILURE, text).code).toBe('unexpected');
  });
});
