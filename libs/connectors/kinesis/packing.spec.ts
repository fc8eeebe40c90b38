import fc from 'fast-check';
import type { EventRecord } from '../port.js';
import { limitsOf } from './limits.js';
import { Packing } from './packing.js';

const MEBIBYTE = 1024 * 1024;
/** One record's bytes for all: what is packed is never looked at. */
const BYTES = Buffer.alloc(10 * MEBIBYTE + 1);
const sizeOf = ({ key, data }: EventRecord): number => Buffer.byteLength(key) + data.length;

/** A record of so many bytes with its key. */
const sized = (bytes: number, key = 'k'): EventRecord => ({
  key,
  data: BYTES.subarray(0, bytes - Buffer.byteLength(key)),
});

const addAll = (packing: Packing, records: readonly EventRecord[]) => records.map((record) => packing.add(record));

describe('the limits of a stream', () => {
  it('are 1 MiB and 5 MiB where the stream does not tell', () => {
    expect(limitsOf({ maxRecordKiB: null })).toEqual({
      records: 500,
      recordBytes: MEBIBYTE,
      requestBytes: 5 * MEBIBYTE,
    });
    expect(limitsOf({})).toEqual(limitsOf({ maxRecordKiB: null }));
  });

  it('are its own, and 10 MiB, where it does', () => {
    const limits = { records: 500, recordBytes: 2 * MEBIBYTE, requestBytes: 10 * MEBIBYTE };
    expect(limitsOf({ maxRecordKiB: 2_048 })).toEqual(limits);
  });
});

describe('a record', () => {
  it.each([
    ['an ASCII key', 'k'.repeat(128)],
    ['a key of letters with several bytes', 'ü名'.repeat(20)],
  ])('counts with %s, to the byte', (_, key) => {
    expect(new Packing(limitsOf({})).add(sized(MEBIBYTE, key))).toBe('added');
    expect(new Packing(limitsOf({})).add(sized(MEBIBYTE + 1, key))).toBe('too-large');
  });
});

describe('a request', () => {
  it('takes 500 records', () => {
    const packing = new Packing(limitsOf({}));
    expect(
      new Set(
        addAll(
          packing,
          Array.from({ length: 500 }, () => sized(2)),
        ),
      ),
    ).toEqual(new Set(['added']));
    expect(packing.add(sized(2))).toBe('full');
  });

  it('takes 5 MiB to the byte, keys among them', () => {
    const packing = new Packing(limitsOf({}));
    addAll(packing, [...Array.from({ length: 4 }, () => sized(MEBIBYTE)), sized(MEBIBYTE - 3)]);
    expect(packing.add(sized(4))).toBe('full');
    expect(packing.add(sized(3))).toBe('added');
    expect(packing.bytes).toBe(5 * MEBIBYTE);
    expect(packing.add(sized(1))).toBe('full');
  });

  it('turns a record away that fits no request, however full it is itself', () => {
    const packing = new Packing(limitsOf({}));
    addAll(
      packing,
      Array.from({ length: 5 }, () => sized(MEBIBYTE)),
    );
    expect(packing.add(sized(MEBIBYTE + 1))).toBe('too-large');
    expect(packing.add(sized(MEBIBYTE))).toBe('full');
  });

  it('holds the limits whatever comes, and leaves nothing out that would have fitted', () => {
    const limits = { records: 7, recordBytes: 100, requestBytes: 300 };
    const record = fc
      .tuple(fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }), fc.integer({ min: 0, max: 110 }))
      .map(([key, bytes]): EventRecord => ({ key, data: BYTES.subarray(0, bytes) }));
    fc.assert(
      fc.property(fc.array(record, { maxLength: 40, size: 'max' }), (records) => {
        const packing = new Packing(limits);
        const taken: EventRecord[] = [];
        for (const each of records) {
          const bytes = taken.reduce((sum, one) => sum + sizeOf(one), 0);
          const fits = taken.length < limits.records && bytes + sizeOf(each) <= limits.requestBytes;
          const expected = sizeOf(each) > limits.recordBytes ? 'too-large' : fits ? 'added' : 'full';
          expect(packing.add(each)).toBe(expected);
          if (expected === 'added') taken.push(each);
        }
        expect(packing.records).toEqual(taken);
        expect(packing.bytes).toBe(taken.reduce((sum, one) => sum + sizeOf(one), 0));
      }),
    );
  });
});
