import { readFile } from 'node:fs/promises';
import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Inject,
  Injectable,
  SetMetadata,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { isScopeName, SCOPE_NAME_RULE, WaybillError } from '@waybill/kernel';
import type { FastifyRequest } from 'fastify';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JSONWebKeySet,
  jwtVerify,
  type JWTVerifyGetKey,
} from 'jose';
import { CONFIGURATION } from '../backbone/tokens.js';
import { type Configuration, isLoopback, type JwtSettings } from '../config/configuration.js';

export const ROLES = ['viewer', 'operator', 'auditor', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Who is asking, and whose data they may see. */
export interface Caller {
  readonly tenant: string;
  readonly sandbox: string;
  readonly actor: string;
  readonly roles: readonly Role[];
}

const REQUIRED = 'waybill:roles';
const PUBLIC = 'waybill:public';

/** Who may call a route. Without it: reads for viewer, operator and auditor; the rest for operator. Admin may everything. */
export const Roles = (...roles: readonly Role[]) => SetMetadata(REQUIRED, roles);

/** For health, metrics and documents, which hold no tenant's data. */
export const Public = () => SetMetadata(PUBLIC, true);

const callers = new WeakMap<object, Caller>();

/** Undefined where nobody was asked who they are, or before. */
export const knownCallerOf = (request: FastifyRequest): Caller | undefined => callers.get(request.raw);

export const callerOf = (request: FastifyRequest): Caller => {
  const caller = callers.get(request.raw);
  if (!caller) throw unauthenticated('This route was reached without authentication.');
  return caller;
};

export const CurrentCaller = createParamDecorator((_: unknown, context: ExecutionContext): Caller =>
  callerOf(context.switchToHttp().getRequest<FastifyRequest>()),
);

/** Every route passes here; a route that needs no caller says so with `@Public()`. */
@Injectable()
export class CallerGuard implements CanActivate {
  private readonly keys: Promise<JWTVerifyGetKey> | undefined;

  constructor(
    @Inject(CONFIGURATION) private readonly configuration: Configuration,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {
    const { auth } = configuration;
    if (auth.mode === 'jwt') {
      this.keys = keysOf(auth.jwt);
      this.keys.catch(() => undefined); // told to whoever brings a token
    }
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const targets = [context.getHandler(), context.getClass()];
    const { auth } = this.configuration;
    if (this.reflector.getAllAndOverride<boolean>(PUBLIC, targets)) return true;

    const caller = auth.mode === 'none' ? trustedCaller(request) : await this.tokenCaller(request, auth.jwt);
    const required =
      this.reflector.getAllAndOverride<readonly Role[]>(REQUIRED, targets) ??
      (request.method === 'GET' ? (['viewer', 'operator', 'auditor'] as const) : (['operator'] as const));
    if (!caller.roles.includes('admin') && !caller.roles.some((role) => required.includes(role))) {
      throw new WaybillError(
        'role-missing',
        'forbidden',
        `This needs one of the roles ${[...new Set<Role>([...required, 'admin'])].join(', ')}.`,
      );
    }
    callers.set(request.raw, caller);
    return true;
  }

  private async tokenCaller(request: FastifyRequest, { issuer, audience }: JwtSettings): Promise<Caller> {
    const [scheme, token] = (request.headers.authorization ?? '').split(' ');
    if (scheme?.toLowerCase() !== 'bearer' || !token)
      throw unauthenticated('Send a bearer token in the Authorization header.');
    try {
      const { payload } = await jwtVerify(token, await this.keys!, {
        issuer,
        audience,
        requiredClaims: ['sub', 'exp'],
      });
      const roles = Array.isArray(payload['roles']) ? payload['roles'] : [];
      return {
        tenant: name(payload['tenant'], 'The claim "tenant"'),
        sandbox: name(payload['sandbox'] ?? 'prod', 'The claim "sandbox"'),
        actor: String(payload.sub),
        roles: ROLES.filter((role) => roles.includes(role)),
      };
    } catch (error) {
      if (error instanceof errors.JOSEError && !OF_THE_KEYS.has(error.code)) {
        throw unauthenticated(`The token was refused: ${error.message}.`);
      }
      if (error instanceof WaybillError) throw error;
      throw new WaybillError(
        'keys-unavailable',
        'unavailable',
        'The keys that tokens are checked with cannot be had now.',
        {
          retryAfterSeconds: 5,
          cause: error,
        },
      );
    }
  }
}

/** What the server of the keys is at fault for, and no token: it is late, answers with an error, or with what is no set of keys. */
const OF_THE_KEYS: ReadonlySet<string> = new Set([
  errors.JWKSTimeout.code,
  errors.JWKSInvalid.code,
  errors.JOSEError.code,
]);

const keysOf = async ({ jwksUrl, jwksFile }: JwtSettings): Promise<JWTVerifyGetKey> =>
  jwksFile === undefined
    ? createRemoteJWKSet(new URL(jwksUrl ?? ''))
    : createLocalJWKSet(JSON.parse(await readFile(jwksFile, 'utf8')) as JSONWebKeySet);

/** Without authentication any web page could reach a loopback port (DNS rebinding, cross-site requests); its names betray it. */
export const refuseForeignPages = (request: FastifyRequest): void => {
  for (const header of ['host', 'origin'] as const) {
    const value = request.headers[header];
    if (value === undefined) continue;
    const hostname = URL.parse(header === 'host' ? `http://${value}` : value)?.hostname ?? '';
    if (!isLoopback(hostname)) {
      throw new WaybillError(
        'foreign-page',
        'forbidden',
        `Without authentication Waybill answers loopback names only, and the ${header === 'host' ? 'Host' : 'Origin'} header names another.`,
      );
    }
  }
};

const trustedCaller = ({ headers }: FastifyRequest): Caller => ({
  tenant: name(headers['x-tenant'] ?? 'default', 'X-Tenant'),
  sandbox: name(headers['x-sandbox'] ?? 'prod', 'X-Sandbox'),
  actor: String(headers['x-actor'] ?? 'anonymous').slice(0, 256),
  roles: ['admin'],
});

const name = (value: unknown, where: string): string => {
  if (typeof value === 'string' && isScopeName(value)) return value;
  throw new WaybillError('tenant-malformed', 'malformed', `${where} must be ${SCOPE_NAME_RULE}.`);
};

const unauthenticated = (detail: string) => new WaybillError('unauthenticated', 'unauthenticated', detail);
