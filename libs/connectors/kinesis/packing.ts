import type { EventRecord } from '../port.js';
import type { Limits } from './limits.js';

/** The records of one request, within the limits to the byte. */
export class Packing {
  readonly records: EventRecord[] = [];
  bytes = 0;

  constructor(private readonly limits: Limits) {}

  add(record: EventRecord): 'added' | 'full' | 'too-large' {
    const { records, recordBytes, requestBytes } = this.limits;
    const size = Buffer.byteLength(record.key) + record.data.length;
    if (size > recordBytes) return 'too-large';
    if (this.records.length === records || this.bytes + size > requestBytes) return 'full';
    this.records.push(record);
    this.bytes += size;
    return 'added';
  }
}
