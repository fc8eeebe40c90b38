import type { CheckView } from './api.js';

/** Things as the HTTP contract shows them, so far as tests look at them. */
export interface AccountView {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly status: string;
  readonly authentication: Readonly<Record<string, unknown>>;
  readonly credentialsFingerprint: string;
  readonly encryptionKey: { readonly fingerprint: string } | null;
  readonly validation: { readonly id: string; readonly outcome: string; readonly checks: readonly CheckView[] };
  readonly destinations: number;
  readonly revision: number;
  readonly connectedAt: string;
  readonly connectedBy: string;
}

export interface ValidationView {
  readonly id: string;
  readonly subject: Readonly<Record<string, string>>;
  readonly outcome: 'passed' | 'failed';
  readonly checks: readonly CheckView[];
}

export interface DestinationView {
  readonly id: string;
  readonly accountId: string;
  readonly type: string;
  readonly status: string;
  readonly name: string;
  readonly description: string;
  readonly marketingActions: readonly string[];
  readonly target: Readonly<Record<string, unknown>>;
  readonly files: Readonly<Record<string, unknown>>;
  readonly segments: readonly { readonly segmentId: string }[];
  readonly revision: number;
}

export interface HistoryEvent {
  readonly id: string;
  readonly type: string;
  readonly revision: number;
  readonly position: string;
  readonly recordedAt: string;
  readonly actor: string;
  readonly correlationId: string;
  readonly causationId: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

export interface LoadView {
  readonly received: number;
  readonly accepted: number;
  readonly entered: number;
  readonly exited: number;
  readonly unchanged: number;
  readonly rejected: number;
  readonly rejections: readonly { readonly line: number; readonly reason: string }[];
  readonly sha256: string;
}

export interface SegmentView {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly members: number;
  readonly exited: number;
  readonly updatedAt: string;
}

export interface ProfileView {
  readonly id: string;
  readonly identities: Readonly<Record<string, readonly string[]>>;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly segments: readonly { readonly id: string; readonly status: string; readonly since: string }[];
}
