import { join } from 'node:path';
import { openEmbeddedPostgres } from '@waybill/postgres/embedded';

/** What the services stand on: each a server that runs already, where the environment names it, else one of our own. */
export const openServers = async (
  given: NodeJS.ProcessEnv,
  folder: string,
  opened: AsyncDisposableStack,
  say: (line: string) => void,
): Promise<NodeJS.ProcessEnv> => {
  const environment = { ...given };
  if (!given['DATABASE_URL']) {
    const postgres = await openEmbeddedPostgres({ folder: join(folder, 'postgres'), log: () => undefined });
    opened.defer(() => postgres.stop());
    environment['DATABASE_URL'] = postgres.url;
    say('PostgreSQL: an embedded one');
  }
  return environment;
};
