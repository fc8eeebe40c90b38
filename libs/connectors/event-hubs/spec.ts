import { Secret } from '@waybill/forms';
import { IsNotEmpty, IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import type { ConnectorSpec } from '../port.js';
import { IncludeSegmentNames, IncludeSegmentTimestamps, OnlyChanges, PartitionKey } from '../stream-fields.js';
import { NoControlCharacters, TextRule } from '../text-rule.js';
import { parseConnectionString } from './connection-string.js';

const IsHubName = (): PropertyDecorator =>
  Matches(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,254}[A-Za-z0-9])?$/, {
    message:
      '$property must be 1 to 256 letters, digits, dots, dashes or underscores, with a letter or digit at both ends',
  });

export class SasForm {
  @JSONSchema({
    title: 'Namespace',
    description: 'Its name, or its host name.',
    examples: ['partner.servicebus.windows.net'],
  })
  @IsString()
  @Matches(/^[A-Za-z0-9][A-Za-z0-9.-]{4,252}(?::\d{1,5})?$/, {
    message: '$property must be the name or the host name of a namespace, with a port where it is not 5671',
  })
  namespace!: string;

  @JSONSchema({ title: 'SAS key name', description: 'Of a policy; the right to send is enough.' })
  @IsString()
  @IsNotEmpty()
  @MaxLength(256)
  @NoControlCharacters()
  sasKeyName!: string;

  @JSONSchema({ title: 'SAS key' })
  @Secret()
  @IsString()
  @IsNotEmpty()
  @MaxLength(256)
  @NoControlCharacters()
  sasKey!: string;

  @JSONSchema({ title: 'Event hub', description: 'The hub that destinations use when they name none.' })
  @IsOptional()
  @IsString()
  @IsHubName()
  eventHubName?: string;
}

export class ConnectionStringForm {
  @JSONSchema({
    title: 'Connection string',
    description:
      'As the portal shows it: Endpoint=sb://…;SharedAccessKeyName=…;SharedAccessKey=…; of a single hub also EntityPath=….',
  })
  @Secret()
  @IsString()
  @MaxLength(2048)
  @NoControlCharacters()
  @TextRule('connectionString', (text) => {
    const parsed = parseConnectionString(text);
    return 'problem' in parsed ? parsed.problem : undefined;
  })
  connectionString!: string;
}

export class EventHubTargetForm {
  @JSONSchema({ title: 'Event hub', description: "A hub that exists; left out: the account's." })
  @IsOptional()
  @IsString()
  @IsHubName()
  eventHub?: string;

  @IncludeSegmentNames()
  includeSegmentNames?: boolean;

  @IncludeSegmentTimestamps()
  includeSegmentTimestamps?: boolean;

  @OnlyChanges()
  onlyChanges?: boolean;

  @PartitionKey()
  partitionKey?: string;
}

export const eventHubsSpec: ConnectorSpec = {
  type: 'azure-event-hubs',
  name: 'Azure Event Hubs',
  description: 'Delivers one event for each change of a profile to an event hub.',
  category: 'streaming',
  delivers: 'events',
  encryption: false,
  authentication: [
    { method: 'sas', title: 'Shared access signature', form: SasForm },
    { method: 'connection-string', title: 'Connection string', form: ConnectionStringForm },
  ],
  target: { form: EventHubTargetForm },
  addressOf: ({ namespace }) => (typeof namespace === 'string' ? namespace : 'Azure'),
};
