import { specOf } from '@waybill/event-store/decider-spec';
import { destinationTypeDecider, type DestinationTypeEvent, type Listing } from './index.js';

const listing: Listing = {
  type: 'sftp',
  name: 'SFTP',
  description: 'Files to an SFTP server.',
  category: 'cloudStorage',
  delivers: 'files',
  encryption: true,
  authentication: [{ method: 'password', title: 'Password', schema: { type: 'object', required: ['host'] } }],
  target: { schema: { type: 'object' } },
};
const listed: DestinationTypeEvent = { type: 'DestinationTypeListed', data: listing };
const retired: DestinationTypeEvent = { type: 'DestinationTypeRetired', data: { type: 'sftp' } };
const given = specOf(destinationTypeDecider);

describe('A destination type', () => {
  it('is listed when it is new', () => {
    given([]).when({ type: 'ListDestinationType', listing }).then([listed]);
  });

  it('is not recorded again while nothing changed, in whatever order its members come', () => {
    const { type, ...rest } = listing;
    given([listed])
      .when({ type: 'ListDestinationType', listing: { ...rest, type } })
      .thenNothing();
  });

  it('is revised when its form changed', () => {
    const changed = { ...listing, target: { schema: { type: 'object', required: ['folder'] } } };
    given([listed])
      .when({ type: 'ListDestinationType', listing: changed })
      .then([{ type: 'DestinationTypeRevised', data: changed }]);
  });

  it('is retired once, and listed when it comes back', () => {
    given([listed]).when({ type: 'RetireDestinationType' }).then([retired]);
    given([listed, retired]).when({ type: 'RetireDestinationType' }).thenNothing();
    given([listed, retired]).when({ type: 'ListDestinationType', listing }).then([listed]);
  });
});
