import type { DomainEvent } from '@waybill/kernel';

/** What the catalog shows of a destination type; forms are JSON Schema, made from the connector's own. */
export interface Listing {
  readonly type: string;
  readonly name: string;
  readonly description: string;
  readonly category: string;
  readonly delivers: 'files' | 'events';
  readonly encryption: boolean;
  readonly authentication: readonly {
    readonly method: string;
    readonly title: string;
    readonly schema: Readonly<Record<string, unknown>>;
  }[];
  readonly target: { readonly schema: Readonly<Record<string, unknown>> };
}

export type DestinationTypeEvent =
  | DomainEvent<'DestinationTypeListed', Listing>
  | DomainEvent<'DestinationTypeRevised', Listing>
  | DomainEvent<'DestinationTypeRetired', { readonly type: string }>;
