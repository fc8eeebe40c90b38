import { createHash, timingSafeEqual } from 'node:crypto';
import grpc, { type Metadata, type ServerInterceptor } from '@grpc/grpc-js';
import { accessDenied, type Refusal, unauthenticated } from './status.js';

/** Passwords by user name. */
export type Users = Readonly<Record<string, string>>;

/** Lets in those who bring the right password with each call (HTTP Basic). */
export const accessInterceptor =
  (users: Users): ServerInterceptor =>
  (_, call) =>
    new grpc.ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            const refusal = refuse(users, metadata);
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
