export type Operation = 'put-token' | 'attach' | 'send' | 'read';

export type Fault =
  /** An error instead of the work; `condition` is AMQP's, such as `com.microsoft:server-busy`. */
  | { readonly kind: 'refuse'; readonly condition: string; readonly description?: string }
  /** The link is closed with this error, instead of an answer. */
  | { readonly kind: 'detach'; readonly condition: string; readonly description?: string; readonly kept?: boolean }
  /** The connection breaks before the answer; `kept`: the work was done. */
  | { readonly kind: 'drop'; readonly kept: boolean }
  /** Nothing ever comes back; `kept`: the work was done. */
  | { readonly kind: 'silence'; readonly kept: boolean }
  /** The work is done, the answer comes late. */
  | { readonly kind: 'delay'; readonly ms: number };

/** What Event Hubs says to a namespace over its throughput units. */
export const serverBusy = (seconds?: number): Fault => ({
  kind: 'refuse',
  condition: 'com.microsoft:server-busy',
  description:
    'The request was terminated because the namespace is being throttled. Error code : 50002.' +
    (seconds === undefined ? '' : ` Please wait ${seconds} seconds and try again.`),
});
