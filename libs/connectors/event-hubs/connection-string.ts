export interface ConnectionString {
  readonly host: string;
  /** Where it states one. */
  readonly port: number | undefined;
  readonly keyName: string;
  readonly key: string;
  /** `EntityPath`: the one hub that the policy is of. */
  readonly hub: string | undefined;
  /** `UseDevelopmentEmulator`: plain TCP, as Azure's emulator speaks. */
  readonly emulator: boolean;
}

/** `message` repeats nothing of the text: all of it is secret. */
export type ParsedConnectionString = ConnectionString | { readonly problem: string };

const ENDPOINT = /^sb:\/\/(?<host>[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)(?::(?<port>\d{1,5}))?\/?$/;

const NEEDED = ['Endpoint', 'SharedAccessKeyName', 'SharedAccessKey'];

/** Of the portal's form: `Endpoint=sb://…/;SharedAccessKeyName=…;SharedAccessKey=…[;EntityPath=…]`. */
export const parseConnectionString = (text: string): ParsedConnectionString => {
  const fields = new Map<string, string>();
  for (const part of text.split(';').map((each) => each.trim())) {
    if (part === '') continue;
    const [, name, value] = /^([A-Za-z]+)=(.*)$/.exec(part) ?? [];
    if (name === undefined || value === undefined)
      return { problem: 'must be parts of the form Name=value with semicolons between' };
    if (fields.has(name)) return { problem: `must hold ${name} once` };
    fields.set(name, value);
  }
  const lacking = NEEDED.filter((name) => !fields.get(name));
  if (lacking.length > 0) {
    return {
      problem: `must hold Endpoint=sb://…, SharedAccessKeyName=… and SharedAccessKey=…; ${lacking.join(' and ')} is not there`,
    };
  }
  const { host, port } = ENDPOINT.exec(fields.get('Endpoint') ?? '')?.groups ?? {};
  if (host === undefined)
    return { problem: 'must hold an Endpoint of the form sb://namespace.servicebus.windows.net/' };
  if (Number(port ?? 1) < 1 || Number(port ?? 1) > 65_535)
    return { problem: 'must hold an Endpoint with a port from 1 to 65535' };
  return {
    host,
    port: port === undefined ? undefined : Number(port),
    keyName: fields.get('SharedAccessKeyName') ?? '',
    key: fields.get('SharedAccessKey') ?? '',
    hub: fields.get('EntityPath') || undefined,
    emulator: fields.get('UseDevelopmentEmulator')?.toLowerCase() === 'true',
  };
};
