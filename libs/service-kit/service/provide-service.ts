import type { Provider, Type } from '@nestjs/common';
import type { Backbone } from '../backbone/backbone.js';
import { BACKBONE, DATABASE, EVENT_STORE, SERVICE, VAULT } from '../backbone/tokens.js';
import { Health } from '../operation/health.js';
import type { Answerer, Listener, ServiceDefinition, Worker } from './definition.js';
import { openService, type Service } from './service.js';

const RUNNER = Symbol('RUNNER');

export interface ServiceParts {
  readonly listeners?: readonly Type<Listener>[];
  readonly answerers?: readonly Type<Answerer>[];
  readonly workers?: readonly Type<Worker>[];
}

/** Starts what reacts and projects once every module is wired, and drains it before anything is closed. */
class ServiceRunner {
  constructor(
    private readonly service: Service,
    private readonly listeners: readonly Listener[],
    private readonly answerers: readonly Answerer[],
    private readonly workers: readonly Worker[],
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.service.start(this.listeners, this.answerers);
    for (const worker of this.workers) await worker.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.service.stopWaiting();
    await Promise.all(this.workers.map((worker) => worker.stop()));
    await this.service.stop();
  }
}

/** The providers of one service module: its log, read models, questions and vault, visible to this module only. */
export const provideService = (definition: ServiceDefinition, parts: ServiceParts = {}): Provider[] => {
  const listeners = parts.listeners ?? [];
  const answerers = parts.answerers ?? [];
  const workers = parts.workers ?? [];
  return [
    {
      provide: SERVICE,
      useFactory: (backbone: Backbone, health: Health) => openService(definition, backbone, health),
      inject: [BACKBONE, Health],
    },
    { provide: EVENT_STORE, useFactory: (service: Service) => service.store, inject: [SERVICE] },
    { provide: DATABASE, useFactory: (service: Service) => service.database, inject: [SERVICE] },
    { provide: VAULT, useFactory: (backbone: Backbone) => backbone.vault, inject: [BACKBONE] },
    ...new Set<Type>([...listeners, ...answerers, ...workers]),
    {
      provide: RUNNER,
      useFactory: (service: Service, ...all: object[]) =>
        new ServiceRunner(
          service,
          all.slice(0, listeners.length) as Listener[],
          all.slice(listeners.length, listeners.length + answerers.length) as Answerer[],
          all.slice(listeners.length + answerers.length) as Worker[],
        ),
      inject: [SERVICE, ...listeners, ...answerers, ...workers],
    },
  ];
};
