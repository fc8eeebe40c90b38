import grpc, { type Metadata, type ServerInterceptor } from '@grpc/grpc-js';
import persistent from '@eventstore/db-client/generated/persistent_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';

/** A call that came in: `Append`, `Read`, `Subscribe` (a `Read` without end), `ReadPersistent`, `Gossip`, `Delete`, … */
export interface Call {
  readonly method: string;
}

/** What the server does instead of its work, or with its answer. */
export type Reaction =
  | 'no-answer'
  /** Its side of the call is ended, as if all were said. */
  | 'half-close'
  /** The work is done, and nothing is said about it. */
  | 'lose-answer'
  | { readonly code: grpc.status; readonly details: string; readonly metadata?: Metadata }
  /** Before each message of the answer. */
  | { readonly delayMs: number };

/** What goes wrong; may be changed while the server runs. */
export interface Faults {
  onCall?: ((call: Call) => Reaction | undefined) | undefined;
  /** Instead of the nth message (from 1) of an answer: the call ends as if all were said, or breaks. */
  onAnswer?: ((call: Call, nth: number) => 'half-close' | 'cut' | undefined) | undefined;
}

type OnCall = NonNullable<Faults['onCall']>;

export const always =
  (method: string, reaction: Reaction): OnCall =>
  (call) =>
    call.method === method ? reaction : undefined;

/** The first so many calls; the client may come back. */
export const first = (times: number, method: string, reaction: Reaction): OnCall => {
  let left = times;
  return (call) => {
    if (call.method !== method || left === 0) return undefined;
    left -= 1;
    return reaction;
  };
};

const CUT = { code: grpc.status.UNAVAILABLE, details: 'read ECONNRESET' };
const ENDED = { code: grpc.status.OK, details: '' };

/** Stands before every handler. */
export const faultInterceptor =
  (faults: Faults): ServerInterceptor =>
  ({ path }, call) => {
    let received: Call | undefined;
    let reaction: Reaction | undefined;
    let answers = 0;
    let isOver = false;
    const end = (status: typeof CUT): void => {
      isOver = true;
      call.sendStatus(status);
    };
    return new grpc.ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMessage: (message: unknown, pass) => {
            if (!received) {
              received = { method: methodOf(path, message) };
              reaction = faults.onCall?.(received);
              if (reaction === 'half-close') end(ENDED);
              else if (typeof reaction === 'object' && 'code' in reaction) end(reaction);
            }
            if (isServed(reaction)) pass(message);
          },
          onReceiveHalfClose: (pass) => {
            if (isServed(reaction)) pass();
          },
        }),
      sendMessage: (message, pass) => {
        if (isOver || reaction === 'lose-answer') return;
        answers += 1;
        const ending = received && faults.onAnswer?.(received, answers);
        if (ending) end(ending === 'cut' ? CUT : ENDED);
        else if (typeof reaction === 'object' && 'delayMs' in reaction)
          setTimeout(() => pass(message), reaction.delayMs);
        else pass(message);
      },
      sendStatus: (status, pass) => {
        if (!isOver && reaction !== 'lose-answer') pass(status);
      },
    });
  };

const isServed = (reaction: Reaction | undefined): boolean =>
  reaction === undefined || reaction === 'lose-answer' || (typeof reaction === 'object' && 'delayMs' in reaction);

const methodOf = (path: string, message: unknown): string => {
  if (message instanceof streams.ReadReq && message.getOptions()?.hasSubscription()) return 'Subscribe';
  if (message instanceof persistent.ReadReq) return 'ReadPersistent';
  return path.includes('.Gossip/') ? 'Gossip' : path.slice(path.lastIndexOf('/') + 1);
};
