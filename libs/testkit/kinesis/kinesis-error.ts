/** An error as Kinesis words it: of a request, or of one record where `status` does not matter. */
export class KinesisError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status = 400,
  ) {
    super(message);
    this.name = code;
  }
}
