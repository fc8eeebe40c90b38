import type { Socket } from 'node:net';
import { Checklist, type Outcome, type Probe } from '../checklist.js';
import type { Environment, Findings, Proof } from '../port.js';
import { type Access, uriOf } from './access.js';
import { problemOf } from './failure.js';
import { type Link, openLink } from './link.js';
import type { Settings } from './options.js';
import { openTcp, secure } from './socket.js';

/** The checks of one proof over one connection; each is tried only while those before it passed. */
export class HubProof {
  readonly #checks = new Checklist((error) => problemOf(error));
  #blockedBy: string | undefined;

  constructor(
    private readonly access: Access,
    private readonly settings: Settings,
    private readonly environment: Environment,
  ) {}

  /** Makes the connection, in the checks `connect` and `tls`, and hands a link on it to `body`. */
  async over(hub: string, body: (link: Link | undefined) => Promise<Findings>): Promise<Proof> {
    this.environment.signal.throwIfAborted();
    const socket = await this.#connect();
    const link = socket && openLink(socket, this.access, hub, this.settings.deadlines);
    try {
      const findings = await body(link);
      return this.#checks.proof(findings);
    } finally {
      await link?.close();
    }
  }

  /** One check; after one that delivery cannot do without has failed, the others are not tried. */
  async attempt<T>(
    probe: Probe,
    call: () => Promise<T>,
    message: string | ((value: T) => string),
  ): Promise<T | undefined> {
    if (this.#blockedBy !== undefined) {
      this.#checks.skipped(probe, `Not tried, since "${this.#blockedBy}" failed.`);
      return undefined;
    }
    const outcome: Outcome<T> = await this.#checks.run(probe, call, message);
    if (outcome.passed) return outcome.value;
    this.environment.signal.throwIfAborted();
    if (!probe.optional) this.#blockedBy = probe.name;
    return undefined;
  }

  /** For a check that is not made, and hinders no other. */
  skip(probe: Probe, message: string, remedy: string): void {
    if (this.#blockedBy === undefined) this.#checks.skipped(probe, message, remedy);
    else this.#checks.skipped(probe, `Not tried, since "${this.#blockedBy}" failed.`);
  }

  async #connect(): Promise<Socket | undefined> {
    const { access, settings, environment } = this;
    const resource = uriOf(access);
    const socket = await this.attempt(
      { name: 'connect', call: 'TCP connect', resource },
      () => openTcp(access, settings, environment),
      ({ remoteAddress }) => `${access.host} takes connections on port ${access.port} (${remoteAddress}).`,
    );
    if (access.emulator) return socket;
    return this.attempt(
      { name: 'tls', call: 'TLS handshake', resource },
      () => secure(socket!, access, settings, environment.signal),
      `The certificate is valid for ${access.host}.`,
    );
  }
}
