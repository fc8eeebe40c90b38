import type { ErrorKind } from '@waybill/kernel';

/**
 * Every problem that an answer, a failed run, a dead letter or a failed start can name, with what it means and what to do:
 * the page behind a problem's `type`. A spec compares it with what the sources throw.
 */
export const problemTypes: Readonly<Record<string, readonly [kind: ErrorKind, meaning: string]>> = {
  // Requests
  'invalid-input': [
    'malformed',
    'One or more fields are wrong, missing or unknown. <code>fields</code> names each with what is expected.',
  ],
  'malformed-request': [
    'malformed',
    'The request cannot be read, for example because its body is no valid JSON. <code>detail</code> says where it broke.',
  ],
  'body-too-large': [
    'too-large',
    'The body is larger than this route takes. JSON may have 1 MiB; members of a segment are uploaded as CSV or NDJSON, of any size.',
  ],
  'content-type-unsupported': [
    'unsupported-type',
    'The body is of a kind that this route does not take. Send <code>application/json</code>; members of a segment are <code>text/csv</code> or <code>application/x-ndjson</code>.',
  ],
  'route-not-found': [
    'not-found',
    'There is no such path and method. <a href="/docs">The documentation</a> lists them.',
  ],
  'problem-unknown': ['not-found', 'No problem has that name. <a href="/problems">All of them</a> are listed.'],
  'not-found': ['not-found', 'There is no such thing, or it belongs to another tenant or sandbox.'],
  'cursor-malformed': [
    'malformed',
    'The cursor is not one that this list gave. Send the <code>nextCursor</code> of an earlier page as it was, or leave it out to begin anew.',
  ],
  'if-match-malformed': [
    'malformed',
    '<code>If-Match</code> holds one revision in quotes, as the <code>ETag</code> of an answer does: <code>"7"</code>.',
  ],
  'idempotency-key-malformed': ['malformed', 'An <code>Idempotency-Key</code> has 1 to 256 characters.'],
  'idempotency-key-reused': [
    'refused',
    'The <code>Idempotency-Key</code> was used for another request. A key belongs to one request and its repetitions; take a new one for a new request.',
  ],
  'version-mismatch': [
    'version-conflict',
    'The thing was changed since the revision that <code>If-Match</code> names. Read it again and decide anew.',
  ],
  'position-malformed': [
    'malformed',
    '<code>X-Min-Position</code> is no position of the log. Send one exactly as an <code>X-Position</code> gave it.',
  ],
  'position-beyond-log': [
    'malformed',
    'The position lies beyond the end of the log. Positions belong to the service that answered with them; send one of this service.',
  ],
  'projection-behind': [
    'unavailable',
    'The lists do not show the change of <code>X-Min-Position</code> yet. Try again shortly.',
  ],
  'last-event-id-malformed': ['malformed', '<code>Last-Event-ID</code> must be the id of an event of this feed.'],

  // Who is asking
  unauthenticated: [
    'unauthenticated',
    'There is no bearer token, or it was refused: expired, of another issuer or audience, or signed with a key that is not known.',
  ],
  'role-missing': ['forbidden', 'The token has none of the roles that this needs. <code>detail</code> names them.'],
  'foreign-page': [
    'forbidden',
    'Without authentication Waybill answers only requests whose <code>Host</code> and <code>Origin</code> are names of this machine, so that no web page can reach it.',
  ],
  'tenant-malformed': [
    'malformed',
    'The name of a tenant or sandbox has 1 to 100 letters, digits, dots, dashes, underscores or @, and starts with a letter or digit.',
  ],
  'keys-unavailable': [
    'unavailable',
    'The keys that tokens are checked with cannot be had now. Try again; if it stays so, the operator has to look at the key set (JWKS).',
  ],

  // Accounts
  'account-not-found': ['not-found', 'There is no such account. It may have been rejected or disconnected.'],
  'account-exists': ['conflict', 'There is an account with this id already.'],
  'account-connecting': [
    'conflict',
    'The credentials of the account are still being proven. Wait until it is connected or rejected.',
  ],
  'account-disconnecting': ['conflict', 'The account is being disconnected. Take another one.'],
  'account-in-use': [
    'conflict',
    'Destinations use the account; <code>destinations</code> names them. Delete them first, then disconnect the account.',
  ],
  'account-unusable': ['conflict', 'The account is not connected, so nothing can be delivered with it.'],
  'credentials-rejected': [
    'refused',
    'The credentials were tried against the live system and did not pass. <code>checks</code> names what was tried, what the system answered and how to mend it. Nothing was kept.',
  ],
  'host-key-unconfirmed': [
    'refused',
    'The SFTP server shows a host key that nobody has confirmed. Compare <code>hostKey.fingerprint</code> with what your partner told you, and send it as <code>hostKey</code>. No secret was sent to the server.',
  ],
  'host-key-changed': [
    'refused',
    'The SFTP server shows another host key than the confirmed one, so nothing is sent to it. Ask your partner whether they changed it; if so, replace the credentials with the new key confirmed.',
  ],
  'external-id-foreign': [
    'refused',
    'The external id was not issued to you. Ask for one (<code>POST /v1/external-ids</code>) and put it into the trust policy of the role.',
  ],
  'rotation-in-progress': [
    'conflict',
    'Other new credentials of this account are being proven. Wait for their outcome, then try again.',
  ],
  'encryption-key-unusable': [
    'refused',
    'Files cannot be encrypted for this OpenPGP key; <code>detail</code> says why. Send a public key that is valid, not revoked, able to encrypt, and of at least 2048 bits if it is RSA.',
  ],
  'encryption-key-too-large': [
    'too-large',
    'The encryption key is too large to be kept. Export it again without photos and signatures of other people.',
  ],
  'encryption-not-supported': ['refused', 'This destination type delivers events, which take no encryption key.'],
  'validation-not-found': ['not-found', 'There is no such validation.'],

  // Catalog and marketing actions
  'destination-type-unknown': [
    'not-found',
    'This deployment has no destination type of that name. <code>GET /v1/catalog</code> lists them.',
  ],
  'marketing-action-not-found': ['not-found', 'There is no such marketing action.'],
  'marketing-action-exists': ['conflict', 'There is a marketing action of that name already, whatever its case.'],
  'marketing-action-core': ['conflict', 'Core marketing actions are the same for everybody and cannot be changed.'],
  'marketing-action-in-use': [
    'conflict',
    'Destinations state the marketing action; <code>destinations</code> names them. Change them first.',
  ],
  'marketing-action-being-removed': [
    'conflict',
    'The marketing action is being removed. Wait for the outcome, then try again.',
  ],
  'marketing-action-unknown': [
    'refused',
    'A destination can state only marketing actions that exist. <code>GET /v1/marketing-actions</code> lists them.',
  ],
  'marketing-actions-repeated': ['refused', 'The list names a marketing action twice. Name each one once.'],

  // Destinations
  'destination-not-found': ['not-found', 'There is no such destination. It may have been deleted.'],
  'destination-exists': ['conflict', 'There is a destination with this id already.'],
  'destination-disabled': ['conflict', 'The destination is disabled and exports nothing. Enable it first.'],
  'destination-is-live': ['refused', 'The destination delivers events as they happen; there are no files to export.'],
  'destination-delivers-events': ['refused', 'The destination delivers events, and a run delivers files.'],
  'revision-unknown': ['not-found', 'The destination has not reached that revision yet.'],
  'target-rejected': [
    'refused',
    'The target was tried by the very calls that delivery makes, and did not pass. <code>checks</code> names what was tried, what the system answered and how to mend it. Nothing was changed.',
  ],
  'files-invalid': [
    'refused',
    'The file options contradict each other, or no reader would understand the files. <code>fields</code> names each.',
  ],
  'files-not-applicable': ['refused', 'The destination type delivers events and takes no file options.'],
  'test-record-not-applicable': [
    'refused',
    'The destination delivers files. Test records are sent to streams and hubs only; its proof writes a file and removes it.',
  ],
  'mapping-invalid': ['refused', 'The mapping cannot be used. <code>fields</code> names what is wrong.'],

  // Activation
  'segment-not-activated': ['not-found', 'The segment is not activated for this destination.'],
  'nothing-activated': ['refused', 'No segment is activated for this destination. Activate one first.'],
  'activation-unheard': [
    'unavailable',
    'A segment was activated a moment ago, and audience has not heard of it yet. The members are read by itself in a moment.',
  ],
  'changes-forgotten': [
    'conflict',
    'The destination was disabled, or its partner away, for longer than changes are kept (<code>WAYBILL_CHANGES_KEPT_DAYS</code>). Deactivate all of its segments and activate them again: everybody in them is then sent as they are. Who left in between is not told as having left: the partner has to compare.',
  ],
  'activation-is-live': [
    'refused',
    'A destination that delivers events has neither schedules nor file names. Send <code>{}</code>.',
  ],
  'schedule-invalid': [
    'refused',
    'The schedule cannot be used: an unknown time zone, a time or date that does not exist, or dates in the wrong order. <code>fields</code> names each.',
  ],
  'schedule-over': ['refused', 'Every slot of the schedule has passed, so no export would ever begin.'],
  'file-name-invalid': [
    'refused',
    'The file name template holds what no file name may, or a macro that there is none of.',
  ],
  'file-name-too-long': ['refused', 'The template gives names that are longer than file systems take. Shorten it.'],
  'template-not-unique': [
    'refused',
    'Two exports would have the same file name. <code>collision</code> shows two that would, and <code>proposal</code> a template that keeps them apart.',
  ],

  // Audience
  'segment-not-found': ['not-found', 'There is no such segment. Make it first (<code>PUT /v1/segments/{id}</code>).'],
  'profile-not-found': ['not-found', 'There is no such profile. It may have been erased.'],
  'csv-header-unusable': [
    'malformed',
    'The first line of the upload does not name the columns, or not the identity column. Nothing was changed.',
  ],
  'csv-quote-unclosed': [
    'malformed',
    'A quote in the upload opens a field and never closes it, so that everything after it would belong to that field. Nothing was changed.',
  ],
  'nothing-accepted': [
    'refused',
    'No line of the upload could be used, and replacing the segment with nothing is hardly meant. <code>rejections</code> says why. Nothing was changed.',
  ],

  // Runs
  'run-not-found': ['not-found', 'There is no such run.'],
  'redelivery-not-found': ['not-found', 'There is no redelivery with this id for this destination.'],
  'redelivery-without-filter': [
    'malformed',
    'A redelivery names the dead letters that it is for: by <code>runId</code>, by time (<code>from</code>, <code>to</code>), by <code>code</code> or by <code>profileId</code>. With <code>dryRun: true</code> it only counts them.',
  ],
  'shares-lost': [
    'conflict',
    'A process that sends events was away for longer than its lease, and another has taken over its share of the profiles. Nothing is lost: the other goes on from what was settled, and this one takes its part again.',
  ],
  'run-ended': ['conflict', 'The run has ended already.'],
  'run-not-failed': ['conflict', 'Only a failed run can be retried. Ask for a new export instead.'],
  'run-too-old-to-retry': [
    'conflict',
    'A failed run can be retried for 30 days; what it needs to go on was forgotten since. Ask for a new export instead.',
  ],
  'run-superseded': [
    'conflict',
    'There is nothing to export any more: the destination was disabled or deleted, or the segment switched off.',
  ],
  'run-cancellation-requested': ['conflict', 'The run is to be cancelled and goes no further.'],
  'run-attempt-superseded': ['conflict', 'Another attempt has taken over the run; the earlier one writes no more.'],
  'run-credentials-changed': [
    'unavailable',
    "The account's credentials or key were replaced while parts of a run were staged. The run goes on with the new ones by itself.",
  ],
  'snapshot-gone': [
    'unavailable',
    'The process that holds the rows of a run as they were lost the database. The run goes on by itself and reads them anew.',
  ],
  'run-step-out-of-order': [
    'internal',
    'The run was asked for a step that does not follow from where it is: a defect of ours.',
  ],
  'encryption-changed': [
    'refused',
    'Since the run was planned, the account was given an encryption key or lost it. Ask for a new export.',
  ],
  'part-set-aside-too-often': [
    'refused',
    'A file was staged again and again and could never be published: something at the partner takes its name or removes temporary files.',
  ],
  'name-taken': [
    'conflict',
    'At the partner there is a file of that name with other content. It was left alone: move it away, or let the template tell exports apart.',
  ],
  'staged-file-lost': [
    'refused',
    'What was uploaded is gone before it could be published: somebody at the partner removed the temporary file or aborted the upload.',
  ],
  'verification-failed': [
    'refused',
    'A published file is not the one that was delivered: its size or checksum differs. Somebody at the partner changed it.',
  ],
  'path-outside-target': [
    'internal',
    "A file was to be written outside the target's folder, which was refused: a defect of ours.",
  ],
  'partner-rejected': ['refused', "The partner's system refused a call; <code>detail</code> says which one and why."],
  'partner-permission-denied': [
    'refused',
    "The partner's system does not let the account do what delivery needs. <code>detail</code> names the right; test the account and the target again once it was granted.",
  ],
  'partner-target-missing': [
    'refused',
    'The stream or the hub of the destination is not there, or no longer. Test the target, and let the partner make it again or change the target.',
  ],
  'partner-storage-full': [
    'refused',
    "The partner's disk is full or their quota used up. They have to make room; then retry the run.",
  ],
  'partner-unavailable': [
    'unavailable',
    "The partner's system cannot be reached or is too busy. It is tried again; then retry the run.",
  ],
  'partner-timeout': [
    'unavailable',
    "The partner's system did not answer in time. It is tried again; then retry the run.",
  ],

  // Between services
  'no-answer': ['unavailable', 'Another service of Waybill did not answer in time. Try again shortly.'],
  'event-log-behind': [
    'internal',
    'The event log ends before what was already read from it: it is another one, or an older copy. The message names both positions.',
  ],
  'event-log-differs': [
    'internal',
    'The events of the service are in another kind of log than the configuration chooses. The message names both.',
  ],
  'service-away': [
    'unavailable',
    'The service that answers this path is down or restarting. Try again shortly; a command with the same <code>Idempotency-Key</code>.',
  ],
  'service-starting': ['unavailable', 'The service is starting. Try again shortly.'],
  'service-stopping': ['unavailable', 'The service is stopping, perhaps to be started anew. Try again shortly.'],
  'stream-busy': ['unavailable', 'Too many changes of the same thing at once. Repeat the command.'],
  'outcome-unknown': [
    'unavailable',
    'It is not known whether the command was recorded. Repeat it with the same <code>Idempotency-Key</code>: it is carried out once.',
  ],
  'too-many-loads': [
    'too-many',
    'As many uploads as this process takes at once are being loaded. Try again after the seconds of <code>Retry-After</code>.',
  ],
  'database-unavailable': ['unavailable', 'The database does not answer. Try again shortly.'],
  'event-store-unavailable': ['unavailable', 'The event log does not answer. Try again shortly.'],
  'event-store-address-malformed': [
    'malformed',
    'The address of EventStoreDB in the configuration is not understood; the message says which part of it.',
  ],
  'messaging-untrusted': [
    'internal',
    'Kafka shows a certificate that is not to be trusted. An operator has to name who signed it, or the brokers by its names.',
  ],
  'messaging-unavailable': ['unavailable', 'The message bus does not answer. Try again shortly.'],
  'internal-error': [
    'internal',
    'Something went wrong on our side. The log has the details, by time and correlation id.',
  ],
  'messages-removed': [
    'internal',
    'Kafka removed messages by their age before the service had read them: it was away for longer than they are kept, or too slow. What they told is missing in it; commands and memberships have to be sent again by who sent them.',
  ],
  'messaging-refused': [
    'internal',
    'Kafka does not let Waybill in, or not do what it must. Check the user name, the password, and the rights of that user.',
  ],
  'message-malformed': ['malformed', 'The data of a message do not fit its contract; it went to the dead letters.'],
  'message-type-unknown': ['malformed', 'The service takes no messages of that type.'],
  'message-invalid': ['internal', 'A message was not sent, since its data do not fit its contract: a defect of ours.'],
  'message-too-large': ['too-large', 'A message is larger than topics take.'],
  'topic-unknown': ['internal', 'Nobody declared the topic.'],
  'topic-differs': [
    'internal',
    'The topic has another number of partitions than the one declared. Keys keep their order only if the number stays.',
  ],
  'event-malformed': ['malformed', 'An event was not recorded, since its form is wrong: a defect of ours.'],
  'event-too-large': ['too-large', 'What is to be recorded passes 64 KiB. Make its longest fields shorter.'],
  'page-size-malformed': ['malformed', 'A page of the event log has fewer events than was asked for.'],
  'revision-conflict': ['conflict', 'Something else was recorded in between. The command is decided anew.'],
  'stream-deleted': ['conflict', 'The stream is deleted and takes no more events.'],
  'projection-rebuilding': ['conflict', 'The read model is being rebuilt already. Wait for that to end.'],
  'projections-stopped': ['unavailable', 'The service is stopping. What was begun goes on when it runs again.'],

  // Secrets
  'secret-not-found': ['not-found', 'The vault holds no such secret: it was never put there, or it was shredded.'],
  'secret-ref-taken': ['conflict', 'The reference stands for another secret already.'],
  'secret-damaged': ['internal', 'A secret does not open: its row was changed or moved. Restore it from a backup.'],
  'vault-key-wrong': [
    'internal',
    'The master key is not the one that secrets in the vault were encrypted with. Start with the former one.',
  ],

  // Starting
  'address-unusable': [
    'internal',
    'Waybill could not listen where <code>WAYBILL_HOST</code> and <code>WAYBILL_PORT</code> say: something else listens there, or this user may not.',
  ],
  'configuration-invalid': [
    'malformed',
    'The configuration is wrong; the message names every mistake at once. <code>docs/operations.md</code> explains the settings.',
  ],
  'master-key-malformed': ['malformed', 'The master key must be the Base64 of 32 random bytes.'],
  'master-key-missing': ['malformed', 'There is no master key, and nowhere to make one.'],
  'master-key-unreadable': ['malformed', 'The file of the master key cannot be read.'],
  'database-too-old': ['internal', 'The PostgreSQL server is older than what Waybill needs.'],
  'embedded-database-failed': [
    'unavailable',
    'The embedded PostgreSQL did not start or ended; the message quotes its log.',
  ],
  'embedded-database-folder-unusable': ['internal', 'The folder of the embedded PostgreSQL cannot be written to.'],
  'embedded-database-hung': [
    'unavailable',
    'A PostgreSQL that was left behind does not answer. End it and start again.',
  ],
  'embedded-database-locked': [
    'unavailable',
    'Another process runs on the same folder. Stop it, or choose another folder.',
  ],
  'embedded-database-no-account': [
    'internal',
    'PostgreSQL does not run as root, and there is no other user to run it as.',
  ],
  'embedded-database-password-lost': ['internal', 'The folder holds a database and not its password.'],
  'embedded-database-port-taken': ['unavailable', 'The port for the embedded PostgreSQL is in use.'],
  'embedded-database-unusable': [
    'internal',
    'The embedded PostgreSQL does not run on this machine. Set <code>DATABASE_URL</code> to a PostgreSQL of your own.',
  ],
  'embedded-database-version': ['internal', 'The data were written by another version of PostgreSQL.'],
};
