import { CredentialsRejected, CredentialsValidated, TargetRejected, TargetValidated } from '@waybill/contracts';
import { idOf, type RecordedEvent } from '@waybill/kernel';
import { as, type Publications } from '@waybill/service-kit';
import { validationStream } from '../stream.js';
import type { Claim, Failed, Passed, ValidationEvent, ValidationState } from '../validation/index.js';

type Ended = Extract<ValidationState, { claim: Claim }>;
type Recorded<Data extends object> = RecordedEvent<Extract<ValidationEvent, { data: Data }>> & { readonly data: Data };

const about = ({ stream, revision }: RecordedEvent, { claim }: Ended) => ({
  validationId: idOf(stream),
  revision,
  accountId: claim.subject.accountId,
});
const target = ({ claim: { subject } }: Ended) => ({
  destinationId: subject.kind === 'target' ? subject.destinationId : '',
});

/** The outcome of each proof is everybody's to hear. */
export const validationPublications: Publications = {
  streamType: validationStream,
  byEvent: {
    CredentialsValidated: as(CredentialsValidated, (event: Recorded<Passed>, state: Ended) => ({
      ...about(event, state),
      ...event.data,
    })),
    CredentialsRejected: as(CredentialsRejected, (event: Recorded<Failed>, state: Ended) => ({
      ...about(event, state),
      ...event.data,
    })),
    TargetValidated: as(TargetValidated, (event: Recorded<Passed>, state: Ended) => ({
      ...about(event, state),
      ...target(state),
      ...event.data,
    })),
    TargetRejected: as(TargetRejected, (event: Recorded<Failed>, state: Ended) => ({
      ...about(event, state),
      ...target(state),
      ...event.data,
    })),
  },
};
