import { signatureProblem, type SignedRequest, type Signer, signerOf } from '../sigv4/index.js';
import { accessDenied, S3Error } from './s3-error.js';

const PROBLEMS = {
  missing: accessDenied,
  mismatch: () =>
    new S3Error(
      403,
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
    ),
  skewed: () =>
    new S3Error(
      403,
      'RequestTimeTooSkewed',
      'The difference between the request time and the current time is too large.',
    ),
};

/** Who a request says it comes from; proven only by `verifySignature`. */
export const knownSigner = (request: SignedRequest): Signer => {
  const signer = signerOf(request);
  if (!signer) throw accessDenied();
  return signer;
};

export const verifySignature = (request: SignedRequest, secret: string, payloadHash: string, now: number): void => {
  const problem = signatureProblem(request, secret, payloadHash, now);
  if (problem) throw PROBLEMS[problem]();
};
