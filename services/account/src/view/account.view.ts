import { ApiProperty } from '@nestjs/swagger';
import { connectorFor } from '@waybill/connectors';
import { withMaskedSecrets } from '@waybill/forms';
import { CheckView, type Loaded } from '@waybill/service-kit';
import { type AccountState, isStanding, type Standing } from '../account/index.js';

export class EncryptionKeyView {
  @ApiProperty() fingerprint!: string;
  @ApiProperty() algorithm!: string;
  @ApiProperty({ nullable: true, type: Number }) bits!: number | null;
  @ApiProperty({ type: [String] }) userIds!: readonly string[];
  @ApiProperty({ nullable: true, type: String }) expiresAt!: string | null;
}

/** The proof that the credentials in use have passed. */
export class ProvenBy {
  @ApiProperty() id!: string;
  @ApiProperty({ enum: ['passed'] }) outcome!: 'passed';
  @ApiProperty({ type: [CheckView] }) checks!: readonly CheckView[];
}

/** An account as clients see it: secrets masked, the proof of the credentials in use beside them. */
export class AccountView {
  @ApiProperty() id!: string;
  @ApiProperty() type!: string;
  @ApiProperty() name!: string;
  @ApiProperty({ enum: ['connected', 'disconnecting'] }) status!: 'connected' | 'disconnecting';
  @ApiProperty({ type: 'object', additionalProperties: true, description: '`method` and its fields, secrets masked.' })
  authentication!: Record<string, unknown>;
  @ApiProperty({ description: 'Changes when the credentials do; says nothing about them.' })
  credentialsFingerprint!: string;
  @ApiProperty({ nullable: true, type: EncryptionKeyView }) encryptionKey!: EncryptionKeyView | null;
  @ApiProperty({ type: ProvenBy }) validation!: ProvenBy;
  @ApiProperty({ description: 'How many destinations use it.' }) destinations!: number;
  @ApiProperty() revision!: number;
  @ApiProperty() connectedAt!: string;
  @ApiProperty() connectedBy!: string;
}

/** A proof or a question that is under way when the caller's time is over: the work goes on. */
export class UnderWayView {
  @ApiProperty() id!: string;
  @ApiProperty({ enum: ['connecting', 'rotating', 'disconnecting'] }) status!: string;
}

export const accountView = (
  account: Standing,
  { revision, createdAt, createdBy }: Pick<Loaded<AccountState>, 'revision' | 'createdAt' | 'createdBy'>,
  destinations: number,
): AccountView => {
  const { accountId, type, name, status, credentials, validationId, checks, encryptionKey } = account;
  const form = connectorFor(type)?.spec.authentication.find(({ method }) => method === credentials.method)?.form;
  return {
    id: accountId,
    type,
    name,
    status,
    authentication: {
      method: credentials.method,
      ...(form ? withMaskedSecrets(form, credentials.authentication) : credentials.authentication),
    },
    credentialsFingerprint: credentials.credentialsFingerprint,
    encryptionKey: encryptionKey && {
      fingerprint: encryptionKey.fingerprint,
      algorithm: encryptionKey.algorithm,
      bits: encryptionKey.bits,
      userIds: encryptionKey.userIds,
      expiresAt: encryptionKey.expiresAt,
    },
    validation: { id: validationId, outcome: 'passed', checks },
    destinations,
    revision,
    connectedAt: createdAt,
    connectedBy: createdBy,
  };
};

export { isStanding };
