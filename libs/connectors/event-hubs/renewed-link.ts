import { unlessAborted } from '../abort.js';
import { toWaybillError } from './failure.js';
import type { Link } from './link.js';

/** A link that is opened when it is first needed, once for all who ask, and anew after it was retired. */
export class RenewedLink {
  #link: Promise<Link> | undefined;

  constructor(private readonly open: () => Promise<Link>) {}

  /** Rejects with an error that concerns the whole destination (EventSink), or with the signal's reason. */
  async opened(signal: AbortSignal): Promise<Link> {
    this.#link ??= this.#open();
    try {
      return await unlessAborted(signal, this.#link);
    } catch (error) {
      throw toWaybillError(error);
    }
  }

  async close(): Promise<void> {
    const link = await this.#link?.catch(() => undefined);
    await link?.close();
  }

  async #open(): Promise<Link> {
    const forget = () => (this.#link = undefined);
    try {
      const link = await this.open();
      link.retired.addEventListener('abort', forget);
      if (link.retired.aborted) forget();
      return link;
    } catch (error) {
      forget();
      throw error;
    }
  }
}
