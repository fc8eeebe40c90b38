import { type Service, SERVICES } from '@waybill/contracts';
import { messageOf } from '@waybill/kernel';
import type { Upstreams } from './upstreams.js';

interface Dependency {
  readonly status: 'up' | 'down';
  readonly reason?: string;
}

interface Readiness {
  readonly status: 'up' | 'down';
  readonly dependencies: Readonly<Record<string, Dependency>>;
}

const ANSWER_MS = 10_000;

/**
 * Each service by name, and what it depends on. What several depend on (`database`) is down when one of them cannot reach
 * it, and the reason says who.
 */
export const mergedHealth = async (upstreams: Upstreams): Promise<Readiness> => {
  const dependencies: Record<string, Dependency> = {};
  for (const { service, status, reason, reports } of await Promise.all(
    SERVICES.map((name) => askAll(name, upstreams)),
  )) {
    dependencies[service] = { status, ...(reason === undefined ? {} : { reason }) };
    for (const [name, dependency] of reports.flatMap((report) => Object.entries(report.dependencies))) {
      if (dependency.status === 'down') {
        dependencies[name] = { status: 'down', reason: `${service}: ${dependency.reason ?? 'no reason given'}` };
      } else {
        dependencies[name] ??= dependency;
      }
    }
  }
  const ready = Object.values(dependencies).every(({ status }) => status === 'up');
  return { status: ready ? 'up' : 'down', dependencies };
};

interface Asked extends Dependency {
  readonly service: Service;
  readonly reports: readonly Readiness[];
}

const askAll = async (service: Service, upstreams: Upstreams): Promise<Asked> => {
  const addresses = upstreams.addressesOf(service);
  if (addresses.length === 0) return { service, status: 'down', reason: 'it is not running', reports: [] };
  try {
    const reports = await Promise.all(addresses.map(askOne));
    return { service, status: 'up', reports };
  } catch (error) {
    return { service, status: 'down', reason: messageOf(error), reports: [] };
  }
};

const askOne = async (address: string): Promise<Readiness> => {
  const answer = await fetch(`${address}/health/ready`, { signal: AbortSignal.timeout(ANSWER_MS) });
  return (await answer.json()) as Readiness;
};
