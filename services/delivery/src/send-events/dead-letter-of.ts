import type { ProfileEvent } from '../stream-source/port.js';
import type { DeadLetter } from './feed.js';

export const deadLetterOf = (
  { eventId, change, profileId }: Pick<ProfileEvent, 'eventId' | 'change' | 'profileId'>,
  { code, message }: { readonly code: string; readonly message: string },
  attempts: number,
): DeadLetter => ({ eventId, change, profileId, code, message, attempts });
