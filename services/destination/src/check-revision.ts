import { type CommandContext, WaybillError } from '@waybill/kernel';

/** `If-Match` of a command that is carried out later, by a request: checked when it is made. */
export const checkRevision = ({ expectedRevision }: CommandContext, revision: number): void => {
  if (expectedRevision === undefined || expectedRevision === revision) return;
  throw new WaybillError(
    'version-mismatch',
    'version-conflict',
    `You saw revision ${expectedRevision}; it is at revision ${revision} by now. Read it again and decide anew.`,
  );
};
