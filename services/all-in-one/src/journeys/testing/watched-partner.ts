import { Sightings } from './sightings.js';

/** Between two requests: the n-th (from 0) came in and is not worked on, or is done and its answer never arrives. */
export interface StopPoint {
  readonly request: number;
  readonly when: 'before' | 'after';
}

/** A partner's server that is watched at each request, and can hold a run between any two of them. */
export interface WatchedPartner {
  /** What an account and a destination of it are made of. */
  readonly type: 'sftp' | 'amazon-s3';
  readonly authentication: Record<string, unknown>;
  readonly target: Record<string, unknown>;
  readonly watch: Watch;
  /** Everything under a final name, by its whole path. */
  files(): ReadonlyMap<string, Buffer>;
  /** Temporary files or uploads that nobody completed. */
  leftovers(): readonly string[];
  /** The partner has fetched everything, and removes it. */
  empty(): void;
  stop(): Promise<void>;
}

/** Counts requests, looks at the files at each, and says which of them to hold. */
export class Watch {
  readonly sightings = new Sightings();
  readonly requests: string[] = [];
  #slow: { readonly name: RegExp; readonly delayMs: number } | undefined;
  #isTheEnd: (number: number, name: string) => StopPoint['when'] | undefined = () => undefined;
  #reached: () => void = () => undefined;
  #stopped = false;

  constructor(private readonly files: () => ReadonlyMap<string, Buffer>) {}

  /** From here on requests are counted from 0; resolves when the point is reached, after which everything is held. */
  stopAt({ request, when }: StopPoint): Promise<void> {
    return this.#stopWhen((number) => (number === request ? when : undefined));
  }

  /** Lets so many requests of this name through, and holds the one that comes next, and everything after it. */
  stopAfter(times: number, name: RegExp): Promise<void> {
    let left = times;
    return this.#stopWhen((_, requested) => {
      if (left === 0) return 'before';
      if (name.test(requested)) left -= 1;
      return undefined;
    });
  }

  /** From here on each request of this name takes so long. */
  slowDown(name: RegExp, delayMs: number): void {
    this.#slow = { name, delayMs };
  }

  /** How long a request is to take; 0 for most. */
  delayOf(name: string): number {
    return this.#slow?.name.test(name) ? this.#slow.delayMs : 0;
  }

  /** Counts from 0, and holds nothing. */
  pass(): void {
    this.#isTheEnd = () => undefined;
    this.#stopped = false;
    this.requests.length = 0;
  }

  /** Called for each request before it is worked on. */
  onRequest(name: string): 'pass' | 'hold' | 'hold-answer' {
    this.look();
    if (this.#stopped) return 'hold';
    const when = this.#isTheEnd(this.requests.push(name) - 1, name);
    if (when === undefined) return 'pass';
    this.#stopped = true;
    this.#reached();
    return when === 'before' ? 'hold' : 'hold-answer';
  }

  look(): void {
    this.sightings.look(this.files());
  }

  #stopWhen(isTheEnd: (number: number, name: string) => StopPoint['when'] | undefined): Promise<void> {
    this.pass();
    this.#isTheEnd = isTheEnd;
    return new Promise((resolve) => (this.#reached = resolve));
  }
}
