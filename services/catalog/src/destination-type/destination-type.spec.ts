import { fold } from '@waybill/kernel';
import {
  type DestinationTypeCommand,
  destinationTypeDecider,
  type DestinationTypeEvent,
  type Listing,
} from './index.js';

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
const given = (...events: readonly DestinationTypeEvent[]) => ({
  when: (command: DestinationTypeCommand) =>
    destinationTypeDecider.decide(command, fold(destinationTypeDecider, events)),
});

describe('A destination type', () => {
  it('is listed when it is new', () => {
    expect(given().when({ type: 'ListDestinationType', listing })).toEqual([listed]);
  });

  it('is not recorded again while nothing changed, in whatever order its members come', () => {
    const { type, ...rest } = listing;
    expect(given(listed).when({ type: 'ListDestinationType', listing: { ...rest, type } })).toEqual([]);
  });

  it('is revised when its form changed', () => {
    const changed = { ...listing, target: { schema: { type: 'object', required: ['folder'] } } };
    expect(given(listed).when({ type: 'ListDestinationType', listing: changed })).toEqual([
      { type: 'DestinationTypeRevised', data: changed },
    ]);
  });

  it('is retired once, and listed when it comes back', () => {
    expect(given(listed).when({ type: 'RetireDestinationType' })).toEqual([retired]);
    expect(given(listed, retired).when({ type: 'RetireDestinationType' })).toEqual([]);
    expect(given(listed, retired).when({ type: 'ListDestinationType', listing })).toEqual([listed]);
  });
});
