import type { FilesOptions, MappingField } from '@waybill/contracts';
import type { Scope } from '@waybill/kernel';

/** Which rows an export takes, and how they are written. */
export interface RowsRequest extends Scope {
  readonly segment: { readonly id: string; readonly name: string };
  /** Checked (`checkMapping`), in the order of the columns. */
  readonly fields: readonly MappingField[];
  readonly files: FilesOptions;
  /** Memberships that changed later belong to the next export. */
  readonly watermark: string;
  /**
   * The watermark of the export before: only memberships that changed since, those that exited among them when the status is
   * a column. Null: every member, none that exited.
   */
  readonly changedSince: string | null;
}
