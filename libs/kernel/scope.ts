/** Whose data it is, and which isolated space of theirs. Every stream, row, topic key and query carries both. */
export interface Scope {
  readonly tenant: string;
  readonly sandbox: string;
}

/** The key of a message about a stream: `<tenant>/<sandbox>/<stream>`. */
export const topicKey = (scope: Scope, stream: string): string => `${scope.tenant}/${scope.sandbox}/${stream}`;
