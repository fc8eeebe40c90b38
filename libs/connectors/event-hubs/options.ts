/** How long we wait for the service, in milliseconds. The SDK's own waits are a minute, and its retries minutes more. */
export interface Deadlines {
  /** Name resolution and TCP connection. */
  readonly connect: number;
  /** TLS. */
  readonly handshake: number;
  /** For AMQP, the token and the link together. */
  readonly open: number;
  /** Until a batch is acknowledged. */
  readonly send: number;
  /** The same, after the service closed a link. */
  readonly detached: number;
  /** For an orderly end. */
  readonly close: number;
}

export const DEADLINES: Deadlines = {
  connect: 5_000,
  handshake: 5_000,
  open: 10_000,
  send: 15_000,
  detached: 1_000,
  close: 2_000,
};

export interface EventHubsOptions {
  readonly deadlines?: Partial<Deadlines>;
  /** A certificate authority (PEM) to trust beside those that Node does. */
  readonly ca?: string;
}

export interface Settings {
  readonly deadlines: Deadlines;
  readonly ca: string | undefined;
}
