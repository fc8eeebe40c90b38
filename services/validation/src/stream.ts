import type { StreamType } from '@waybill/event-store';
import { streamName } from '@waybill/kernel';
import {
  VALIDATION,
  type ValidationCommand,
  validationDecider,
  type ValidationEvent,
  type ValidationState,
} from './validation/index.js';

export const validationStream: StreamType<ValidationState, ValidationCommand, ValidationEvent> = {
  category: VALIDATION,
  decider: validationDecider,
  upcasters: {},
};

export const streamOf = (validationId: string): string => streamName(VALIDATION, validationId);
