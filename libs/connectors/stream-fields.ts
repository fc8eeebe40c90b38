import { IsBoolean, IsOptional, IsString } from 'class-validator';
import { formField } from './form-field.js';
import { TextRule } from './text-rule.js';

/** What every target that takes events may say of them (docs/streams.md). */

export const IncludeSegmentNames = (): PropertyDecorator =>
  toggle('Include segment names', 'Each membership in an event also has the name of its segment.');

export const IncludeSegmentTimestamps = (): PropertyDecorator =>
  toggle(
    'Include segment timestamps',
    'Each membership in an event also says when its segment, and its mapping to this destination, were made and changed.',
  );

export const OnlyChanges = (): PropertyDecorator =>
  toggle('Only changes', 'An attribute that is written with the value it had already leads to no event.');

const toggle = (title: string, description: string): PropertyDecorator =>
  formField({ title, description, default: false }, IsOptional(), IsBoolean());

const PARTITION_KEY = /^(?:profile\.id|identities\.[^\p{Cc}]{1,256})$/u;

export const PartitionKey = (): PropertyDecorator =>
  formField(
    {
      title: 'Partition key',
      description:
        'What the key is a hash of: profile.id, or the first identity of a namespace, such as identities.email. A profile without it is not sent, and becomes a dead letter.',
      default: 'profile.id',
      examples: ['identities.email'],
    },
    IsOptional(),
    IsString(),
    TextRule('partitionKey', (text) =>
      PARTITION_KEY.test(text) ? undefined : 'must be profile.id or identities.<namespace>, such as identities.email',
    ),
  );
