import { Secret } from '@waybill/forms';
import { IsNotEmpty, IsString, IsUrl, Matches, MaxLength } from 'class-validator';
import { formField } from './form-field.js';
import { NoControlCharacters } from './text-rule.js';

// Every provider has key formats of its own, and AWS changed theirs: nothing but emptiness is refused.
const key = (title: string, mostCharacters: number, ...more: readonly PropertyDecorator[]): PropertyDecorator =>
  formField({ title }, IsString(), IsNotEmpty(), MaxLength(mostCharacters), NoControlCharacters(), ...more);

export const AccessKeyId = (): PropertyDecorator => key('Access key id', 512);

export const SecretAccessKey = (): PropertyDecorator => key('Secret access key', 1024, Secret());

/** A region becomes a label of the host name. */
export const IsRegion = (): PropertyDecorator =>
  Matches(/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/, {
    message: '$property must be a region, such as eu-central-1',
  });

export const IsEndpoint = (example: string): PropertyDecorator =>
  IsUrl(
    {
      protocols: ['https', 'http'],
      require_protocol: true,
      require_tld: false,
      allow_query_components: false,
      allow_fragments: false,
      disallow_auth: true,
    },
    { message: `$property must be a URL such as ${example}, without user, query or fragment` },
  );
