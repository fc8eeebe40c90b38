import { Get, Inject, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiProperty } from '@nestjs/swagger';
import { type ConnectorSpec, specFor, specs } from '@waybill/connectors';
import { WaybillError } from '@waybill/kernel';
import { ApiPage, type Caller, CurrentCaller, ServiceController, Summary } from '@waybill/service-kit';
import { IsIn, IsOptional, IsString } from 'class-validator';
import { type ConnectionCounts, Connections } from '../connections/connections.js';
import { listingOf } from '../record-destination-types/record-destination-types.js';

export class CatalogQuery {
  @IsOptional()
  @IsString()
  search?: string;

  @IsOptional()
  @IsString()
  category?: string;

  @IsOptional()
  @IsIn(['true', 'false'])
  connected?: 'true' | 'false';
}

/** What a card of the catalog shows; it never loses the way to configure another destination. */
export class CatalogCard {
  @ApiProperty() type!: string;
  @ApiProperty() name!: string;
  @ApiProperty() description!: string;
  @ApiProperty() category!: string;
  @ApiProperty({ enum: ['files', 'events'] }) delivers!: 'files' | 'events';
  @ApiProperty({ description: 'At least one account of this type.' }) connected!: boolean;
  @ApiProperty() destinations!: number;
  @ApiProperty({ enum: ['configure', 'activate'] }) primaryAction!: 'configure' | 'activate';
}

const FORM = { type: 'object', additionalProperties: true, description: 'JSON Schema 2020-12.' } as const;

export class AuthenticationView {
  @ApiProperty() method!: string;
  @ApiProperty() title!: string;
  @ApiProperty(FORM) schema!: Readonly<Record<string, unknown>>;
}

export class TargetView {
  @ApiProperty(FORM) schema!: Readonly<Record<string, unknown>>;
}

/** A card with the forms of its steps. */
export class DestinationTypeView extends CatalogCard {
  @ApiProperty({ description: 'Whether its files can be encrypted for an OpenPGP key of the account.' })
  encryption!: boolean;
  @ApiProperty({ type: [AuthenticationView] }) authentication!: readonly AuthenticationView[];
  @ApiProperty({ type: TargetView }) target!: TargetView;
}

const NONE: ConnectionCounts = { accounts: 0, destinations: 0 };

const cardOf = (spec: ConnectorSpec, { accounts, destinations }: ConnectionCounts): CatalogCard => ({
  type: spec.type,
  name: spec.name,
  description: spec.description,
  category: spec.category,
  delivers: spec.delivers,
  connected: accounts > 0,
  destinations,
  primaryAction: destinations > 0 ? 'activate' : 'configure',
});

const matches = ({ name, description, type }: ConnectorSpec, search: string): boolean =>
  [name, description, type].some((text) => text.toLowerCase().includes(search.toLowerCase()));

@ServiceController('v1/catalog', 'catalog')
export class BrowseCatalogRoute {
  constructor(@Inject(Connections) private readonly connections: Connections) {}

  /** Every destination type as a card. */
  @Get()
  @Summary('Browse the catalog')
  @ApiPage(CatalogCard)
  async list(@CurrentCaller() caller: Caller, @Query() { search, category, connected }: CatalogQuery) {
    const counts = await this.connections.countsByType(caller);
    const items = specs
      .filter((spec) => search === undefined || matches(spec, search))
      .filter((spec) => category === undefined || spec.category === category)
      .map((spec) => cardOf(spec, counts.get(spec.type) ?? NONE))
      .filter((card) => connected === undefined || String(card.connected) === connected);
    return { items, nextCursor: null };
  }

  /** One card with the forms of its steps, as JSON Schema made from the classes that validate them. */
  @Get(':type')
  @Summary('Show a destination type and its forms')
  @ApiOkResponse({ type: DestinationTypeView })
  async card(@CurrentCaller() caller: Caller, @Param('type') type: string): Promise<DestinationTypeView> {
    const spec = specFor(type);
    if (!spec) {
      const known = specs.map((one) => one.type).join(', ');
      throw new WaybillError(
        'destination-type-unknown',
        'not-found',
        `There is no destination type "${type}"; known are ${known}.`,
      );
    }
    const counts = await this.connections.countsByType(caller);
    return {
      ...listingOf(spec),
      ...cardOf(spec, counts.get(spec.type) ?? NONE),
    };
  }
}
