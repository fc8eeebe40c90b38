import { profileKey, type RedeliveryFilter } from '@waybill/contracts';
import { IsTime } from '@waybill/forms';
import type { Scope } from '@waybill/kernel';
import { IsOptional, IsString, IsUUID, MaxLength } from 'class-validator';

/** Which dead letters: those that all of it holds for. */
export class DeadLetterForm {
  /** Given up in this run. */
  @IsOptional()
  @IsUUID()
  runId?: string;

  /** Given up at or after this time. */
  @IsOptional()
  @IsTime()
  from?: string;

  /** Given up before this time. */
  @IsOptional()
  @IsTime()
  to?: string;

  /** The provider's code, or ours. */
  @IsOptional()
  @IsString()
  @MaxLength(256)
  code?: string;

  @IsOptional()
  @IsString()
  @MaxLength(256)
  profileId?: string;
}

/** As it is recorded: no event names a person. */
export const filterOf = (scope: Scope, { profileId, runId, from, to, code }: DeadLetterForm): RedeliveryFilter => ({
  ...(runId !== undefined && { runId }),
  ...(from !== undefined && { from }),
  ...(to !== undefined && { to }),
  ...(code !== undefined && { code }),
  ...(profileId !== undefined && { profileKey: profileKey(scope, profileId) }),
});
