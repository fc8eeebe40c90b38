import type { ErrorKind } from '@waybill/kernel';

/** Every problem a client can meet, with what it means and what to do. The page behind a problem's `type`. */
export const problemTypes: Readonly<Record<string, readonly [kind: ErrorKind, meaning: string]>> = {
  'invalid-input': ['malformed', 'One or more fields are wrong; <code>fields</code> names each with what is expected.'],
};
