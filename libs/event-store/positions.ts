import { WaybillError } from '@waybill/kernel';
import type { Position } from './port.js';

const POSITION = /^(0|[1-9][0-9]{0,17})$/;

/** Refuses what is no position: positions come in from outside (`X-Min-Position`). */
export const checkPosition = (position: Position): Position => {
  if (POSITION.test(position)) return position;
  throw new WaybillError(
    'position-malformed',
    'malformed',
    'This is no position of the event log. Send one exactly as it was answered.',
  );
};

export const comparePositions = (a: Position, b: Position): number => {
  checkPosition(a);
  checkPosition(b);
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
};
