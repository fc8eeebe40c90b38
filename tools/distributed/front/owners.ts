import type { Service } from '@waybill/contracts';

/** Which service answers which paths: the only table of it. deploy/nginx.conf says the same, and a spec compares them. */
export const OWNERS: readonly (readonly [paths: RegExp, owner: Service])[] = [
  [/^\/v1\/(accounts|external-ids)(\/|$)/, 'account'],
  [/^\/v1\/validations(\/|$)/, 'validation'],
  [/^\/v1\/(segments|profiles)(\/|$)/, 'audience'],
  [/^\/v1\/runs(\/|$)/, 'delivery'],
  [/^\/v1\/destinations\/[^/]+\/(runs|previews|dead-letters|redeliveries)(\/|$)/, 'delivery'],
  [/^\/v1\/(destinations|schemas)(\/|$)/, 'destination'],
];

/** What every service has (pages of problems, the 404 of an unknown path) comes from the one that has the rest. */
const OTHERWISE: Service = 'catalog';

/** The service that a path (as it was sent, query and all) belongs to. */
export const ownerOf = (url: string): Service => {
  const [path = '/'] = url.split('?', 1);
  const decoded = decodeURI(path); // an encoded slash stays one: it is part of an id
  return OWNERS.find(([paths]) => paths.test(decoded))?.[1] ?? OTHERWISE;
};
