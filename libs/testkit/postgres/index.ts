/** It stands in libs/postgres, whose own specs need it too. */
export * from '@waybill/postgres/testing';
