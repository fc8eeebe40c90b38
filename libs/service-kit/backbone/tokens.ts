/** The process: one of each, shared by every service in it. */
export const CONFIGURATION = Symbol('CONFIGURATION');
export const BACKBONE = Symbol('BACKBONE');

/** One service's own; each service module provides them for itself (`provideService`). */
export const SERVICE = Symbol('SERVICE');
export const EVENT_STORE = Symbol('EVENT_STORE');
export const DATABASE = Symbol('DATABASE');
export const VAULT = Symbol('VAULT');
