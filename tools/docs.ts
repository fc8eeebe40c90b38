// `npm run docs`: writes what docs/ holds of generated documents. Specs compare them with the sources.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asyncApi } from '@waybill/contracts';

const ROOT = join(import.meta.dirname, '../..');
const exampleOf = (type: string): unknown =>
  JSON.parse(readFileSync(join(ROOT, 'libs/contracts/fixtures', `${type}.json`), 'utf8'));

writeFileSync(join(ROOT, 'docs/asyncapi.json'), `${JSON.stringify(asyncApi(exampleOf), null, 2)}\n`);
console.log('docs/asyncapi.json');
