import { WaybillError } from '@waybill/kernel';

interface KafkaError extends Error {
  /** Of an answer of the broker. */
  readonly type?: string;
  /** Of a connection: as Node names it, and `host:port`. */
  readonly code?: string;
  readonly broker?: string;
}

/** kafkajs wraps what it met into what it did about it. */
export const rootOf = (error: unknown): KafkaError => {
  const { cause } = error as { cause?: unknown };
  return cause instanceof Error ? rootOf(cause) : (error as KafkaError);
};

/** No retry changes it: who may not come in, or may not do this; whom we may not trust; or what no topic takes. */
export const refusalOf = (error: unknown): WaybillError | undefined => {
  const root = rootOf(error);
  return refused(root, error) ?? untrusted(root, error) ?? tooLarge(root, error);
};

const AUTHORIZATION = /^(TOPIC|GROUP|CLUSTER|TRANSACTIONAL_ID)_AUTHORIZATION_FAILED$/;

const refused = ({ type = '', name, message }: KafkaError, cause: unknown): WaybillError | undefined => {
  if (name !== 'KafkaJSSASLAuthenticationError' && !AUTHORIZATION.test(type)) return undefined;
  return new WaybillError(
    'messaging-refused',
    'internal',
    `Kafka refuses: ${message}. Check WAYBILL_KAFKA_SASL_USERNAME, its password and the mechanism, and what that user may do.`,
    { cause },
  );
};

/** What Node says of a certificate (https://nodejs.org/api/tls.html#x509-certificate-error-codes), and what mends it. */
const CERTIFICATE: readonly (readonly [codes: RegExp, remedy: string])[] = [
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    'Name the brokers in WAYBILL_KAFKA_BROKERS, and in their own advertised.listeners, as their certificates name them.',
  ],
  [/^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/, "Renew the broker's certificate, or set the clock of this machine."],
  [
    /CERT|ISSUER|_LEAF_SIGNATURE$/,
    'Name the authority that signed the certificates of the brokers in WAYBILL_KAFKA_CA_FILE (PEM).',
  ],
];

const untrusted = ({ code = '', broker, message }: KafkaError, cause: unknown): WaybillError | undefined => {
  const remedy = CERTIFICATE.find(([codes]) => codes.test(code))?.[1];
  if (remedy === undefined) return undefined;
  const why = message
    .replace(/^Connection error: /, '')
    .split(';')[0]
    ?.trim();
  return new WaybillError(
    'messaging-untrusted',
    'internal',
    `The certificate of Kafka at ${broker ?? 'its address'} is not to be trusted: ${why}. ${remedy}`,
    { cause },
  );
};

const tooLarge = ({ type = '' }: KafkaError, cause: unknown): WaybillError | undefined =>
  /^(MESSAGE_TOO_LARGE|RECORD_LIST_TOO_LARGE)$/.test(type)
    ? new WaybillError(
        'message-too-large',
        'too-large',
        'Kafka refuses: the topic takes no message of that size (its max.message.bytes).',
        { cause },
      )
    : undefined;
