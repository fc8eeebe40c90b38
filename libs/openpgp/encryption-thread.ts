import { Worker } from 'node:worker_threads';
import type { EncryptionWorkerData } from './encryption-worker.js';

/** One message being encrypted on another core, while this one goes on. */
export interface EncryptionThread extends AsyncDisposable {
  /** What became of the block, in chunks; null ends the message. The block's memory is handed over. */
  encrypt(block: Uint8Array<ArrayBuffer> | null): Promise<readonly Uint8Array[]>;
}

/** Beside this file: its source where this is the source, which Node runs as it stands. */
const ENTRY = new URL(`./encryption-worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);

export const startEncryptionThread = (workerData: EncryptionWorkerData): EncryptionThread => {
  const worker = new Worker(ENTRY, { workerData, execArgv: [], name: 'openpgp' });
  const waiting: PromiseWithResolvers<readonly Uint8Array[]>[] = [];
  let failure: Error | undefined;

  const fail = (error: Error): void => {
    failure ??= error;
    for (const { reject } of waiting.splice(0)) reject(failure);
  };
  worker.on('message', (chunks: readonly Uint8Array[]) => waiting.shift()?.resolve(chunks));
  worker.on('messageerror', fail);
  worker.on('error', fail);
  worker.on('exit', () => fail(new Error('the encryption thread has ended')));

  return {
    encrypt(block) {
      const answer = Promise.withResolvers<readonly Uint8Array[]>();
      answer.promise.catch(() => undefined); // who left in the middle does not wait for it
      if (failure !== undefined) answer.reject(failure);
      else waiting.push(answer);
      worker.postMessage(block, block === null ? [] : [block.buffer]);
      return answer.promise;
    },
    async [Symbol.asyncDispose]() {
      await worker.terminate();
    },
  };
};
