export { GZIP_LEVEL } from './gzip.js';
export { previewRows, type RowsPreview } from './preview.js';
export { type NothingToWrite, type PartOptions, type PartRead, readPart } from './read-part.js';
export { type RowsRequest } from './request.js';
export { type ScoutOptions, scoutParts } from './scout-parts.js';
