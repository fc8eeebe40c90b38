import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { CqrsModule } from '@nestjs/cqrs';
import type { Configuration } from '../config/configuration.js';
import { CallerGuard } from '../http/caller.js';
import { ProblemsController } from '../http/problems.controller.js';
import { Health, HealthController } from '../operation/health.js';
import { loggerModule } from '../operation/logging.js';
import { MetricsController } from '../operation/metrics.js';
import type { Backbone } from './backbone.js';
import { BACKBONE, CONFIGURATION } from './tokens.js';

/** What every process has once, whichever services it runs. */
@Module({})
class PlatformModule {}

@Module({})
class ProcessModule {}

export const processModule = (
  services: readonly Type[],
  configuration: Configuration,
  backbone: Backbone,
): DynamicModule => {
  const platform: DynamicModule = {
    module: PlatformModule,
    global: true,
    imports: [loggerModule(configuration)],
    controllers: [HealthController, MetricsController, ProblemsController],
    providers: [
      { provide: CONFIGURATION, useValue: configuration },
      { provide: BACKBONE, useValue: backbone },
      { provide: Health, useFactory: () => backbone.watchedBy(new Health()) },
      { provide: APP_GUARD, useClass: CallerGuard },
    ],
    exports: [CONFIGURATION, BACKBONE, Health],
  };
  return { module: ProcessModule, imports: [platform, CqrsModule.forRoot(), ...services] };
};
