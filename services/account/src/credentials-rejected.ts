import { WaybillError } from '@waybill/kernel';

/** The problem that a failed proof is to the caller. */
export const credentialsRejected = (rejection: {
  readonly checks: readonly { readonly outcome: string; readonly message: string; readonly remedy: string }[];
  readonly unconfirmedHostKey?: { readonly fingerprint: string; readonly algorithm: string };
}): WaybillError => {
  const { checks, unconfirmedHostKey } = rejection;
  if (unconfirmedHostKey) {
    const { fingerprint, algorithm } = unconfirmedHostKey;
    return new WaybillError(
      'host-key-unconfirmed',
      'refused',
      `The server shows the ${algorithm} key ${fingerprint}. Compare it with what your partner told you, and connect again with it as hostKey.`,
      { checks, extra: { hostKey: unconfirmedHostKey } },
    );
  }
  const failed = checks.find(({ outcome }) => outcome === 'failed');
  const detail = failed ? `${failed.message} ${failed.remedy}`.trim() : 'The credentials could not be proven.';
  return new WaybillError('credentials-rejected', 'refused', detail, { checks });
};
