// The `waybill` command. It reads the same environment as the services do (docs/operations.md).
import { messageOf } from '@waybill/kernel';
import { readConfiguration } from '@waybill/service-kit/configuration';
import { applyCommand, checkCommand } from './topics/topics.js';
import { type Command, UsageError } from './command.js';

const commands: Readonly<Record<string, Command>> = { 'topics apply': applyCommand, 'topics check': checkCommand };

const USAGE = `waybill <command>

${Object.entries(commands)
  .map(([name, { summary }]) => `  ${name.padEnd(14)} ${summary}`)
  .join('\n')}`;

const main = async (words: readonly string[]): Promise<number> => {
  const command = commands[words.join(' ')];
  if (command === undefined) throw new UsageError(USAGE);
  return command.run({ configuration: readConfiguration(process.env), print: (line) => console.log(line) });
};

main(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    console.error(messageOf(error));
    process.exitCode = error instanceof UsageError ? 2 : 1;
  },
);
