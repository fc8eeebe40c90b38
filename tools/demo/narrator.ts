import type { CheckView } from './api.js';

/** Tells the story on a terminal, or as plain lines when the output is a file. */
export interface Narrator {
  step(title: string): void;
  /** What came of it. */
  tell(line: string): void;
  checks(checks: readonly CheckView[]): void;
  progress(done: number, total: number): void;
  end(line: string): void;
}

const MARKS = { passed: '✓', failed: '✗', skipped: '·' } as const;
const WIDTH = 30;

export const narrate = (out: NodeJS.WriteStream): Narrator => {
  let steps = 0;
  const line = (text: string) => void out.write(`${text}\n`);
  const tell = (text: string) => line(`   ${text}`);
  return {
    step: (title) => line(`\n${++steps}. ${title}`),
    tell,
    checks: (checks) =>
      checks.forEach(({ name, outcome, message, remedy }) => {
        tell(`${MARKS[outcome]} ${name}: ${message}`);
        if (outcome === 'failed' && remedy) tell(`    → ${remedy}`);
      }),
    progress: (done, total) => {
      if (!out.isTTY) return;
      const filled = total === 0 ? WIDTH : Math.min(WIDTH, Math.round((done / total) * WIDTH));
      out.write(
        `\r   [${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)}] ${done.toLocaleString('en')} of ${total.toLocaleString('en')} profiles`,
      );
      if (done >= total) out.write('\n');
    },
    end: line,
  };
};
