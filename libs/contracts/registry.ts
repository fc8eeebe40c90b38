import * as account from './account.js';
import * as audience from './audience.js';
import * as catalog from './catalog.js';
import type { MessageContract, QuestionContract } from './define.js';
import * as delivery from './delivery.js';
import * as destination from './destination.js';
import { RequestRefused } from './problem.js';
import * as validation from './validation.js';

const isContract = (member: object): member is MessageContract => 'kind' in member && 'schema' in member;
const isQuestion = (contract: MessageContract): contract is QuestionContract => 'answer' in contract;

const declared = [account, audience, catalog, delivery, destination, validation].flatMap((module) =>
  Object.values<object>(module).filter(isContract),
);

/** Every message type there is. */
export const CONTRACTS: readonly MessageContract[] = [
  ...declared,
  ...declared.filter(isQuestion).map(({ answer }) => answer),
  ...Object.values(RequestRefused),
];

const byType = new Map(CONTRACTS.map((contract) => [contract.type, contract]));

/** Undefined for a type of a newer version: a reader passes it by. */
export const contractOf = (type: string): MessageContract | undefined => byType.get(type);
