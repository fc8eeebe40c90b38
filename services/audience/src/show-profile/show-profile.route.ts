import { Delete, Get, Inject, Param } from '@nestjs/common';
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
import { findProfile } from './find-profile.js';

@ServiceController('v1/profiles/:id', 'audience')
export class ProfileRoute {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(SERVICE) private readonly service: Service,
  ) {}

  /** What is known of a profile. */
  @Get()
  @Summary('Show a profile')
  async show(@CurrentCaller() caller: Caller, @Param('id') id: string) {
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
  @Roles('admin')
  async erase(@Context() context: CommandContext, @Param('id') id: string) {
    // First, since a profile that is gone cannot be erased again.
    await this.service.ask(ForgetProfile, { profileKey: profileKey(context, id) }, context);
    const memberships = await eraseProfile(this.database, context, id);
    const { destinations } =
      memberships.length === 0
        ? { destinations: [] }
        : await this.service.ask(RunsThatCarried, { memberships }, context);
    return new Outcome({ erased: true, destinations }, { status: 200 });
  }
}
