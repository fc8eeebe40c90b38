export { type NothingToWrite, type PartOptions, type PartRead, readPart } from './read-part.js';
export { type RowsRequest } from './request.js';
export { type Tally } from './tally.js';
