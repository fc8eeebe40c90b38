import { IsUrl, Matches } from 'class-validator';

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
