import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { EventStore } from '@waybill/event-store';
import { type CommandContext, idFrom, type Scope, streamName, WaybillError } from '@waybill/kernel';
import { EVENT_STORE } from '@waybill/service-kit';

/** `external_id-<uuid>`, the UUID made of tenant, sandbox and external id: its existence is all there is to know. */
const streamOf = ({ tenant, sandbox }: Scope, externalId: string): string =>
  streamName('external_id', idFrom('external-id', tenant, sandbox, externalId));

/**
 * External ids for assumed roles: made by us for one tenant, never chosen, so that nobody can have us assume a role
 * that trusts us on behalf of another tenant (the confused deputy).
 */
@Injectable()
export class ExternalIds {
  constructor(@Inject(EVENT_STORE) private readonly store: EventStore) {}

  async issue(context: CommandContext): Promise<string> {
    const externalId = `waybill-${randomBytes(24).toString('base64url')}`;
    const stream = streamOf(context, externalId);
    const { tenant, sandbox, actor, correlationId, commandId, at } = context;
    await this.store.append(
      stream,
      [
        {
          id: idFrom(stream, commandId, 0),
          type: 'ExternalIdIssued',
          data: { externalId },
          metadata: { tenant, sandbox, actor, correlationId, causationId: commandId, occurredAt: at },
        },
      ],
      { expected: 'no-stream' },
    );
    return externalId;
  }

  /** Refuses credentials whose external id was not issued to this tenant and sandbox. */
  async check(scope: Scope, authentication: Readonly<Record<string, unknown>>): Promise<void> {
    const { externalId } = authentication;
    if (typeof externalId !== 'string') return;
    const { events } = await this.store.readStream(streamOf(scope, externalId), { max: 1 });
    if (events.length > 0) return;
    throw new WaybillError(
      'external-id-foreign',
      'refused',
      'This external id was not issued to you. Ask for one (POST /v1/external-ids) and put it into the trust policy of the role.',
    );
  }
}
