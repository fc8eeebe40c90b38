import { Inject, Injectable, type Type } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { type AnswerOf, type DataOf, type QuestionContract, readMessage } from '@waybill/contracts';
import type { CommandContext } from '@waybill/kernel';
import type { ReceivedMessage } from '@waybill/messaging';
import type { Answerer } from '../service/definition.js';
import { contextAfter } from '../service/service.js';

/**
 * Takes a command by message as a route takes it by HTTP. Who may send one is settled by the broker's access rules: a sender
 * names the tenant, the sandbox and the actor it speaks for.
 */
export const takeCommand = <Contract extends QuestionContract>(
  contract: Contract,
  execute: (commands: CommandBus, data: DataOf<Contract>, context: CommandContext) => Promise<AnswerOf<Contract>>,
): Type<Answerer> => {
  @Injectable()
  class TakeCommand implements Answerer {
    readonly answers = contract.type;

    constructor(@Inject(CommandBus) private readonly commands: CommandBus) {}

    answer(message: ReceivedMessage): Promise<object> {
      const data = readMessage(contract, message.data) as DataOf<Contract>;
      return execute(this.commands, data, contextAfter(message));
    }
  }
  return TakeCommand;
};
