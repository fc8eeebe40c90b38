/** How long we wait for a server, in milliseconds. A hung one is found in seconds; a slow one that still answers is not cut. */
export interface Deadlines {
  /** Name resolution and TCP connection. */
  readonly connect: number;
  /** Each of key exchange, authentication and opening SFTP. */
  readonly handshake: number;
  /** Without any reply while requests wait for one. */
  readonly request: number;
  /** For removing a temporary file after a failure. */
  readonly cleanup: number;
}

export const DEADLINES: Deadlines = { connect: 10_000, handshake: 15_000, request: 30_000, cleanup: 10_000 };
