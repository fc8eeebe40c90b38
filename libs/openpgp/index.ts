export { encryptStream } from './encrypt-stream.js';
export { parseRecipientKey, type RecipientKey } from './recipient-key.js';
