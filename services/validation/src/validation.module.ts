import { Module } from '@nestjs/common';
import { provideService } from '@waybill/service-kit';
import {
  AnswerDescribeValidation,
  GetValidationRoute,
  Validations,
  validationsProjection,
} from './get-validation/get-validation.js';
import { Prover } from './prove/prover.js';
import { validationPublications } from './publish/publish.js';
import {
  AcceptProveAccount,
  AcceptProveTarget,
  Requests,
  ValidateRequestedAccounts,
} from './request-validation/request-validation.js';

@Module({
  controllers: [GetValidationRoute],
  providers: [
    ...provideService(
      { name: 'validation', projections: [validationsProjection], publications: [validationPublications] },
      {
        listeners: [ValidateRequestedAccounts],
        answerers: [AcceptProveAccount, AcceptProveTarget, AnswerDescribeValidation],
        workers: [Prover],
      },
    ),
    Requests,
    Validations,
  ],
})
export class ValidationModule {}
