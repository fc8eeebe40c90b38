import type { ConnectorSpec } from '../port.js';
import { KinesisAccessKeyForm, KinesisTargetForm } from './forms.js';

export const spec: ConnectorSpec = {
  type: 'amazon-kinesis',
  name: 'Amazon Kinesis',
  description: 'Delivers one event for each change of a profile to a data stream.',
  category: 'streaming',
  delivers: 'events',
  encryption: false,
  authentication: [{ method: 'access-key', title: 'Access key', form: KinesisAccessKeyForm }],
  target: { form: KinesisTargetForm },
  addressOf: ({ endpoint, region }) => String(endpoint ?? region),
};
