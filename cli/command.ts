import type { Configuration } from '@waybill/service-kit/configuration';

export interface CommandContext {
  readonly configuration: Configuration;
  readonly print: (line: string) => void;
}

export interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  /** Answers the exit code: 0, or 1 when something is not as it should be. */
  run(context: CommandContext): Promise<number>;
}

/** What was asked for is no command: the message says what there is. */
export class UsageError extends Error {}
