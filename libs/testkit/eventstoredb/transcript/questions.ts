import { appending } from './appending.js';
import { deleting, metadata } from './deleting.js';
import { reading } from './reading.js';
import type { Questions } from './session.js';
import { sharing } from './sharing.js';
import { subscribing } from './subscribing.js';

/** What was asked of a genuine EventStoreDB 23.10.6 (recorded.json has its answers); to be asked of any stand-in. */
export const questions: Questions = { ...appending, ...reading, ...subscribing, ...deleting, ...metadata, ...sharing };
