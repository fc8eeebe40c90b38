import type { Check, Findings, HostKey } from '@waybill/contracts';
import { unreachable } from '@waybill/kernel';
import type { AccountEvent, Credentials, EncryptionKey, Use } from './events.js';

interface Identified {
  readonly accountId: string;
  readonly type: string;
  readonly name: string;
}

/** Not usable: its credentials are being proven. */
export interface Connecting extends Identified {
  readonly status: 'connecting';
  readonly validationId: string;
  readonly credentials: Credentials;
  readonly encryptionKey: EncryptionKey | null;
}

/** Only the history of an attempt. */
export interface Rejected extends Identified {
  readonly status: 'rejected';
  readonly validationId: string;
  readonly credentials: Credentials;
  readonly checks: readonly Check[];
  readonly unconfirmedHostKey?: HostKey;
}

export interface Rotation {
  readonly validationId: string;
  readonly credentials: Credentials;
  readonly findings: Findings;
}

export interface RotationOutcome {
  readonly validationId: string;
  readonly outcome: 'rotated' | 'rejected';
  readonly checks: readonly Check[];
  readonly unconfirmedHostKey?: HostKey;
}

/** Usable; while `disconnecting` only by those who use it already. */
export interface Standing extends Identified {
  readonly status: 'connected' | 'disconnecting';
  /** The proof of the credentials in use. */
  readonly validationId: string;
  readonly checks: readonly Check[];
  readonly credentials: Credentials;
  readonly findings: Findings;
  readonly encryptionKey: EncryptionKey | null;
  readonly rotation: Rotation | null;
  readonly lastRotation: RotationOutcome | null;
  /** Who used it when it was last asked to go. */
  readonly refusedFor: readonly Use[];
}

export interface Disconnected extends Identified {
  readonly status: 'disconnected';
}

export type AccountState = { readonly status: 'none' } | Connecting | Rejected | Standing | Disconnected;

export const initialState: AccountState = { status: 'none' };

export const isStanding = (state: AccountState): state is Standing =>
  state.status === 'connected' || state.status === 'disconnecting';

const credentialsOf = ({
  method,
  authentication,
  secretRef,
  credentialsFingerprint,
  address,
}: Credentials): Credentials => ({
  method,
  authentication,
  secretRef,
  credentialsFingerprint,
  address,
});

const hostKeyOf = (data: { readonly unconfirmedHostKey?: HostKey }) =>
  data.unconfirmedHostKey && { unconfirmedHostKey: data.unconfirmedHostKey };

const whenStanding = (state: AccountState, change: (standing: Standing) => AccountState): AccountState =>
  isStanding(state) ? change(state) : state;

export const evolve = (state: AccountState, event: AccountEvent): AccountState => {
  switch (event.type) {
    case 'AccountConnectionRequested': {
      if (state.status !== 'none') return state;
      const { accountId, type, name, validationId, encryptionKey } = event.data;
      return {
        status: 'connecting',
        accountId,
        type,
        name,
        validationId,
        credentials: credentialsOf(event.data),
        encryptionKey,
      };
    }
    case 'AccountConnected': {
      if (state.status !== 'connecting') return state;
      const { findings, checks } = event.data;
      return { ...state, status: 'connected', findings, checks, rotation: null, lastRotation: null, refusedFor: [] };
    }
    case 'AccountConnectionRejected': {
      if (state.status !== 'connecting') return state;
      const { accountId, type, name, validationId, credentials } = state;
      const { checks } = event.data;
      return { status: 'rejected', accountId, type, name, validationId, credentials, checks, ...hostKeyOf(event.data) };
    }
    case 'AccountRenamed':
      return whenStanding(state, (standing) => ({ ...standing, name: event.data.name }));
    case 'CredentialsRotationRequested': {
      const { validationId, findings } = event.data;
      return whenStanding(state, (standing) => ({
        ...standing,
        rotation: { validationId, findings, credentials: credentialsOf(event.data) },
      }));
    }
    case 'CredentialsRotated': {
      const { validationId, findings, checks } = event.data;
      return whenStanding(state, (standing) => ({
        ...standing,
        validationId,
        findings,
        checks,
        credentials: credentialsOf(event.data),
        rotation: null,
        lastRotation: { validationId, outcome: 'rotated', checks },
      }));
    }
    case 'CredentialsRotationRejected': {
      const { validationId, checks } = event.data;
      return whenStanding(state, (standing) => ({
        ...standing,
        rotation: null,
        lastRotation: { validationId, outcome: 'rejected', checks, ...hostKeyOf(event.data) },
      }));
    }
    case 'EncryptionKeyAttached':
      return whenStanding(state, (standing) => ({ ...standing, encryptionKey: event.data.encryptionKey }));
    case 'EncryptionKeyRemoved':
      return whenStanding(state, (standing) => ({ ...standing, encryptionKey: null }));
    case 'AccountDisconnectionRequested':
      return whenStanding(state, (standing) => ({ ...standing, status: 'disconnecting' }));
    case 'AccountDisconnectionRefused':
      return whenStanding(state, (standing) => ({ ...standing, status: 'connected', refusedFor: event.data.uses }));
    case 'AccountDisconnected':
      return whenStanding(state, ({ accountId, type, name }) => ({ status: 'disconnected', accountId, type, name }));
    default:
      return unreachable(event, state);
  }
};
