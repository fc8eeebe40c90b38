import { Delete, Get, Inject, Param } from '@nestjs/common';
import { ApiOkResponse, ApiProperty } from '@nestjs/swagger';
import { ForgetProfile, profileKey, RunsThatCarried } from '@waybill/contracts';
import { type CommandContext, WaybillError } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';
import {
  type Caller,
  Context,
  CurrentCaller,
  DATABASE,
  Outcome,
  Roles,
  SERVICE,
  ServiceController,
  type Service,
  Summary,
} from '@waybill/service-kit';
import { eraseProfile } from '../erase-profile/erase-profile.js';
import { findProfile, type Profile } from './find-profile.js';

const LISTS = { type: 'object', additionalProperties: { type: 'array', items: { type: 'string' } } } as const;

export class ProfileMembershipView {
  @ApiProperty({ description: 'Of the segment.' }) id!: string;
  @ApiProperty({ enum: ['realized', 'exited'] }) status!: 'realized' | 'exited';
  @ApiProperty() since!: string;
}

export class ProfileView implements Profile {
  @ApiProperty() id!: string;
  @ApiProperty({ ...LISTS, description: 'By namespace.' }) identities!: Profile['identities'];
  @ApiProperty({ type: 'object', additionalProperties: true }) attributes!: Profile['attributes'];
  @ApiProperty({ type: [ProfileMembershipView] }) segments!: readonly ProfileMembershipView[];
}

/** A destination that was sent one of the profile's segments while the profile was in it. */
export class SentToView {
  @ApiProperty() destinationId!: string;
  @ApiProperty() name!: string;
  @ApiProperty({ type: [String] }) segmentIds!: readonly string[];
  @ApiProperty() lastRunId!: string;
  @ApiProperty() lastSentAt!: string;
}

export class ErasureView {
  @ApiProperty({ enum: [true] }) erased!: true;
  @ApiProperty({ type: [SentToView], description: 'Whose partners are to be told.' })
  destinations!: readonly SentToView[];
}

@ServiceController('v1/profiles/:id', 'audience')
export class ProfileRoute {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(SERVICE) private readonly service: Service,
  ) {}

  /** What is known of a profile. */
  @Get()
  @Summary('Show a profile')
  @ApiOkResponse({ type: ProfileView })
  async show(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<ProfileView> {
    const profile = await findProfile(this.database, caller, id);
    if (!profile) throw new WaybillError('profile-not-found', 'not-found', 'There is no profile with this id.');
    return profile;
  }

  /**
   * Erases a profile from every store of ours, from topics by their retention. The answer names the destinations that were
   * sent a segment while the profile was in it, so that the partners can be told.
   */
  @Delete()
  @Summary('Erase a profile')
  @ApiOkResponse({ type: ErasureView })
  @Roles('admin')
  async erase(@Context() context: CommandContext, @Param('id') id: string) {
    // First, since a profile that is gone cannot be erased again.
    const forgotten = { profileKey: profileKey(context, id) };
    await this.service.ask(ForgetProfile, forgotten, context);
    const { change, memberships } = await eraseProfile(this.database, context, id);
    // And again, since until now it could still be read.
    await this.service.ask(ForgetProfile, { ...forgotten, erasedAt: change }, context);
    const { destinations } =
      memberships.length === 0
        ? { destinations: [] }
        : await this.service.ask(RunsThatCarried, { memberships }, context);
    return new Outcome({ erased: true, destinations }, { status: 200 });
  }
}
