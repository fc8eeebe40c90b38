import { createHash, timingSafeEqual } from 'node:crypto';
import grpc, { type Metadata, type ServerInterceptor } from '@grpc/grpc-js';
import { accessDenied, type Refusal, unauthenticated } from './status.js';

const GOSSIP = '/event_store.client.gossip.Gossip/Read';

/** Passwords by user name. */
export type Users = Readonly<Record<string, string>>;

/** Lets in those who bring the right password with each call (HTTP Basic); who leads a cluster is told to everybody. */
export const accessInterceptor =
  (users: Users): ServerInterceptor =>
  ({ path }, call) =>
    new grpc.ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            const refusal = path === GOSSIP ? undefined : refuse(users, metadata);
            if (refusal) call.sendStatus(refusal);
            else pass(metadata);
          },
        }),
    });

const refuse = (users: Users, metadata: Metadata): Refusal | undefined => {
  const [header] = metadata.get('authorization');
  if (header === undefined) return accessDenied();
  const [, name = '', password = ''] =
    /^([^:]*):(.*)$/s.exec(Buffer.from(header.toString().replace(/^Basic /, ''), 'base64').toString()) ?? [];
  const known = Object.hasOwn(users, name) ? users[name] : undefined;
  return known !== undefined && same(known, password) ? undefined : unauthenticated();
};

const same = (a: string, b: string): boolean => {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
};
