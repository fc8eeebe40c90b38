import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';

/** The people of the demo: a CSV file of the user's, or generated ones. */
export interface Profiles {
  readonly what: string;
  readonly identity: string;
  readonly csv: () => Readable;
}

const FIRST = ['Ada', 'Grace', 'Edsger', 'Barbara', 'Alan', 'Katherine', 'Niklaus', 'Radia', 'Tony', 'Margaret'];
const LAST = ['Lovelace', 'Hopper', 'Dijkstra', 'Liskov', 'Turing', 'Johnson', 'Wirth', 'Perlman', 'Hoare', 'Hamilton'];
const CITIES = ['Berlin', 'São Paulo', 'Kraków', '東京', 'Lagos', 'Zürich', 'Montréal', 'Wien'];

/** The same people every time; some values hold what CSV must quote. */
export const generatedProfiles = (count: number): Profiles => ({
  what: `${count.toLocaleString('en')} generated profiles`,
  identity: 'email',
  csv: () =>
    Readable.from(
      (function* () {
        yield 'email,firstName,lastName,city,note,loyaltyPoints\n';
        for (let index = 0; index < count; index++) {
          const first = FIRST[index % 10];
          const last = LAST[Math.floor(index / 10) % 10];
          const note = index % 7 === 0 ? '"likes ""quotes"", and commas"' : '';
          yield `${first?.toLowerCase()}.${index}@example.com,${first},${last},${CITIES[index % 8]},${note},${(index * 37) % 1000}\n`;
        }
      })(),
    ),
});

export const profilesOfFile = (file: string, identity: string): Profiles => ({
  what: `the profiles of ${file}`,
  identity,
  csv: () => createReadStream(file),
});
