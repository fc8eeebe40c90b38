import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { DescribeAccount } from '@waybill/contracts';
import { connectorFor } from '@waybill/connectors';
import { parseForm } from '@waybill/forms';
import { type CommandContext, idFrom, WaybillError } from '@waybill/kernel';
import { SERVICE, type Service } from '@waybill/service-kit';
import { checkFiles, type FilesInput } from '../destination/index.js';
import { Destinations } from '../view/destinations.js';

export interface DestinationInput {
  readonly accountId: string;
  readonly name: string;
  readonly description: string;
  readonly marketingActions: readonly string[];
  readonly target: Readonly<Record<string, unknown>>;
  readonly files?: FilesInput;
}

export class CreateDestination extends Command<{ destinationId: string; requestId: string }> {
  constructor(
    readonly context: CommandContext,
    readonly input: DestinationInput,
  ) {
    super();
  }
}

/** The account names the type, and with it the form that checks the target; then the request is on record. */
@CommandHandler(CreateDestination)
export class CreateDestinationHandler implements ICommandHandler<CreateDestination> {
  constructor(
    @Inject(Destinations) private readonly destinations: Destinations,
    @Inject(SERVICE) private readonly service: Service,
  ) {}

  async execute({ context, input }: CreateDestination) {
    const { accountId, name, description, marketingActions } = input;
    const { type } = await this.service.ask(DescribeAccount, { accountId }, context);
    const spec = specOf(type);
    const target = { ...parseForm(spec.target.form, input.target, 'target') };
    if (spec.delivers === 'events' && input.files) throw filesForEvents();
    const files = spec.delivers === 'files' ? checkFiles(input.files) : null;
    const destinationId = idFrom('destination', context.commandId);
    const requestId = idFrom('destination-request', context.commandId);
    const change = {
      kind: 'creation',
      type,
      delivers: spec.delivers,
      name,
      description,
      marketingActions,
      target,
      files,
    } as const;
    await this.destinations.request({ requestId, destinationId, accountId, change }, context);
    return { destinationId, requestId };
  }
}

export const specOf = (type: string) => {
  const connector = connectorFor(type);
  if (connector) return connector.spec;
  throw new WaybillError(
    'destination-type-unknown',
    'refused',
    `This deployment has no connector for "${type}" any more.`,
  );
};

const filesForEvents = () =>
  new WaybillError(
    'files-not-applicable',
    'refused',
    'This destination type delivers events, so it takes no file options. Leave "files" out.',
    {
      fields: [{ path: 'files', message: 'belongs to destination types that deliver files' }],
    },
  );
