import { Module } from '@nestjs/common';
import { provideService } from '@waybill/service-kit';
import { ConnectAccountHandler } from './connect-account/connect-account.js';
import { ConnectAccountRoute } from './connect-account/connect-account.route.js';
import { destinationCountMigrations, DestinationCounts } from './count-destinations/destination-counts.js';
import { AnswerDescribeAccount } from './describe-account/describe-account.js';
import { CredentialFingerprints } from './credential-fingerprints.js';
import { DisconnectAccountHandler, SettleDisconnection } from './disconnect-account/disconnect-account.js';
import { DisconnectAccountRoute } from './disconnect-account/disconnect-account.route.js';
import { SetEncryptionKeyHandler } from './encryption-key/encryption-key.js';
import { EncryptionKeyRoute } from './encryption-key/encryption-key.route.js';
import { ExternalIds } from './issue-external-id/external-ids.js';
import { IssueExternalIdRoute } from './issue-external-id/issue-external-id.route.js';
import { accountsProjection, ListAccountsRoute } from './list-accounts/list-accounts.route.js';
import { accountPublications } from './publish/publish.js';
import { RenameAccountHandler } from './rename-account/rename-account.js';
import { RenameAccountRoute } from './rename-account/rename-account.route.js';
import { RetireSecrets } from './retire-secrets/retire-secrets.js';
import { RotateCredentialsHandler } from './rotate-credentials/rotate-credentials.js';
import { RotateCredentialsRoute } from './rotate-credentials/rotate-credentials.route.js';
import { SettleProofs } from './settle-proofs/settle-proofs.js';
import { TestAccountRoute } from './test-account/test-account.route.js';
import { Accounts } from './view/accounts.js';

@Module({
  controllers: [
    ConnectAccountRoute,
    ListAccountsRoute,
    RenameAccountRoute,
    RotateCredentialsRoute,
    EncryptionKeyRoute,
    TestAccountRoute,
    DisconnectAccountRoute,
    IssueExternalIdRoute,
  ],
  providers: [
    ...provideService(
      {
        name: 'account',
        projections: [accountsProjection],
        publications: [accountPublications],
        migrations: destinationCountMigrations,
      },
      {
        listeners: [SettleProofs, SettleDisconnection, RetireSecrets, DestinationCounts],
        answerers: [AnswerDescribeAccount],
      },
    ),
    Accounts,
    CredentialFingerprints,
    ExternalIds,
    ConnectAccountHandler,
    RenameAccountHandler,
    RotateCredentialsHandler,
    SetEncryptionKeyHandler,
    DisconnectAccountHandler,
  ],
})
export class AccountModule {}
