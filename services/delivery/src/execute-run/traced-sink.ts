import type { FileSink } from '@waybill/connectors';
import { traced } from '@waybill/service-kit';

/** The sink with a span around each call that reaches the partner. */
export const tracedSink = (sink: FileSink, type: string): FileSink => {
  const call = <T>(what: string, work: () => Promise<T>): Promise<T> =>
    traced(`${what} ${type}`, { kind: 'client', attributes: { 'peer.service': type } }, work);
  return {
    stage: (path, content, options) => call('stage', () => sink.stage(path, content, options)),
    publish: (staged) => call('publish', () => sink.publish(staged)),
    verify: (staged) => call('verify', () => sink.verify(staged)),
    stat: (path) => call('stat', () => sink.stat(path)),
    discard: (staged) => call('discard', () => sink.discard(staged)),
    sweep: (folder, owner, paths) => call('sweep', () => sink.sweep(folder, owner, paths)),
    close: () => sink.close(),
  };
};
