import pg from 'pg';

/** Every way in which a secret could stand somewhere without being seen as it is. */
const formsOf = (secret: string): readonly string[] => {
  const bytes = Buffer.from(secret);
  const shifted = (by: number) => Buffer.concat([Buffer.alloc(by), bytes]).toString('base64');
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    bytes.toString('hex'),
    // Inside other text in Base64, at each of three alignments; the ends depend on what stands beside.
    ...[0, 1, 2].map((by) => shifted(by).slice(4, -4)),
  ];
};

/** Where in these texts a secret stands, by the names of both: `log: SFTP password`. */
export const sightingsOf = (
  secrets: Readonly<Record<string, string>>,
  texts: Readonly<Record<string, string>>,
): readonly string[] =>
  Object.entries(texts).flatMap(([place, text]) => {
    const lowered = text.toLowerCase();
    return Object.entries(secrets)
      .filter(([, secret]) => formsOf(secret).some((form) => lowered.includes(form.toLowerCase())))
      .map(([name]) => `${place}: ${name}`);
  });

/** Every row of every table as text, by schema and table. */
export const wholeDatabase = async (url: string): Promise<Record<string, string>> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables
       where schemaname not in ('pg_catalog', 'information_schema')`,
    );
    const texts: Record<string, string> = {};
    for (const { name } of tables) {
      const { rows } = await client.query<{ row: string }>(`select t::text as row from ${name} t`);
      texts[name] = rows.map(({ row }) => row).join('\n');
    }
    return texts;
  } finally {
    await client.end();
  }
};
