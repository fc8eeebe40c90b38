import { SERVICES, type Service } from './define.js';

export interface TopicDefinition {
  readonly name: string;
  /** Part of the contract: raising it later moves keys to other partitions and so breaks their order. */
  readonly partitions: number;
  readonly retentionMs: number;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Commands and questions to a service. */
export const commandsTopic = (service: Service): string => `waybill.${service}.commands`;
/** What a service tells the others. */
export const eventsTopic = (service: Service): string => `waybill.${service}.events`;
/** Answers to the questions that a service asked. */
export const repliesTopic = (service: Service): string => `waybill.${service}.replies`;
/** Profiles and memberships coming in (audience.ts, `MembershipReported`). */
export const MEMBERSHIPS_TOPIC = 'waybill.audience.memberships';

/** Every topic there is, dead letters aside. Retention bounds how long an erased profile lives on in a topic. */
export const TOPICS: readonly TopicDefinition[] = [
  ...SERVICES.flatMap((service) => [
    { name: commandsTopic(service), partitions: 6, retentionMs: 7 * DAY },
    { name: eventsTopic(service), partitions: 6, retentionMs: 30 * DAY },
    { name: repliesTopic(service), partitions: 6, retentionMs: HOUR },
  ]),
  { name: MEMBERSHIPS_TOPIC, partitions: 12, retentionMs: 7 * DAY },
];

/** Whose events a service hears, beside its own commands. What it cannot handle of a topic goes to the dead letters of both. */
const HEARS: Readonly<Record<Service, readonly Service[]>> = {
  catalog: ['catalog', 'account', 'validation', 'destination', 'audience', 'delivery'],
  account: ['account', 'validation', 'destination'],
  validation: ['account'],
  destination: ['destination', 'validation'],
  audience: ['destination'],
  delivery: ['account', 'destination', 'delivery'],
};

/** The topics that a service reads in its group. */
export const topicsReadBy = (service: Service): readonly string[] => [
  commandsTopic(service),
  ...HEARS[service].map(eventsTopic),
  ...(service === 'audience' ? [MEMBERSHIPS_TOPIC] : []),
];
