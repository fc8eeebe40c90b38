import type { Service } from '@waybill/contracts';
import { WaybillError } from '@waybill/kernel';

/** Where the processes of each service listen at this moment. */
export interface Upstreams {
  /** `http://127.0.0.1:8081`; none while the service is away. */
  addressesOf(service: Service): readonly string[];
}

/** The processes of a service take turns. */
export const createTurns = (upstreams: Upstreams): ((service: Service) => string) => {
  const turns = new Map<Service, number>();
  return (service) => {
    const addresses = upstreams.addressesOf(service);
    const turn = turns.get(service) ?? 0;
    turns.set(service, turn + 1);
    const address = addresses[turn % addresses.length];
    if (address === undefined) throw serviceAway(service);
    return address;
  };
};

export const serviceAway = (service: Service, cause?: unknown): WaybillError =>
  new WaybillError(
    'service-away',
    'unavailable',
    `The ${service} service does not answer now. Try again shortly; a command with the same Idempotency-Key, for it may have been carried out.`,
    { retryAfterSeconds: 2, cause },
  );
