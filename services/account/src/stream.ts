import type { StreamType } from '@waybill/event-store';
import { streamName } from '@waybill/kernel';
import { ACCOUNT, type AccountCommand, accountDecider, type AccountEvent, type AccountState } from './account/index.js';

export const accountStream: StreamType<AccountState, AccountCommand, AccountEvent> = {
  category: ACCOUNT,
  decider: accountDecider,
  upcasters: {},
};

export const streamOf = (accountId: string): string => streamName(ACCOUNT, accountId);
