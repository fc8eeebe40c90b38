/** What a command's route answers beside its body: the interceptor turns it into status and headers. */
export class Outcome<Body = unknown> {
  constructor(
    readonly body: Body,
    readonly answer: {
      readonly status?: number;
      readonly revision?: number;
      readonly position?: string;
      readonly location?: string;
    } = {},
  ) {}

  headers(): Record<string, string> {
    const { revision, position, location } = this.answer;
    return {
      ...(revision === undefined ? {} : { etag: `"${revision}"` }),
      ...(position === undefined ? {} : { 'x-position': position }),
      ...(location === undefined ? {} : { location }),
    };
  }
}
