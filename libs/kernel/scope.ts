/** Whose data it is, and which isolated space of theirs. Every stream, row, topic key and query carries both. */
export interface Scope {
  readonly tenant: string;
  readonly sandbox: string;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$/;

/** Tenants and sandboxes stand in keys and names, so they stay plain. */
export const isScopeName = (value: string): boolean => NAME.test(value);

export const SCOPE_NAME_RULE =
  '1 to 100 letters, digits, dots, dashes, underscores or @, starting with a letter or digit';

/** The key of a message about a stream: `<tenant>/<sandbox>/<stream>`. */
export const topicKey = (scope: Scope, stream: string): string => `${scope.tenant}/${scope.sandbox}/${stream}`;
