import { parseRecipientKey } from '@waybill/openpgp';
import type { EncryptionKey } from '../account/index.js';

/** A key that files can be encrypted for, or `encryption-key-unusable` with the precise reason. */
export const recipientKey = async (given: string): Promise<EncryptionKey> => {
  const { armored, fingerprint, algorithm, bits, userIds, expiresAt } = await parseRecipientKey(given);
  return { armored, fingerprint, algorithm, bits, userIds, expiresAt };
};
