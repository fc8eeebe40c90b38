import * as contracts from '@waybill/contracts';
import { takeCommand } from '@waybill/service-kit';
import { ExportNow } from './export-now.js';

export const TakeExportNow = takeCommand(
  contracts.ExportNow,
  async (commands, { destinationId, segmentIds }, context) => {
    const requested = await commands.execute(new ExportNow(context, destinationId, segmentIds));
    return { runs: requested.map(({ id, segmentId }) => ({ runId: id, segmentId })) };
  },
);
