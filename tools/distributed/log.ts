/** One log of many processes: a JSON line gets the service as its first member, any other line gets it in front. */
export const tagged = (service: string, line: string): string =>
  line.startsWith('{"') ? `{"service":${JSON.stringify(service)},${line.slice(1)}` : `${service}: ${line}`;

export const createLog =
  (service: string) =>
  (line: string): void =>
    void process.stdout.write(`${tagged(service, line)}\n`);
