/** How far a lane has come: everything up to change `change`, and of the next one the profiles up to `profileId`. */
export interface LivePosition {
  readonly change: number;
  readonly profileId: string;
}

/** `12`, or inside of change 13 `12/profile`. One transaction may change more profiles than fit into a page. */
export const writePosition = ({ change, profileId }: LivePosition): string =>
  profileId === '' ? String(change) : `${change}/${profileId}`;

export const readPosition = (position: string): LivePosition => {
  const [, change, profileId = ''] = /^(\d{1,15})(?:\/([^]+))?$/.exec(position) ?? [];
  if (change === undefined) throw new Error(`not a position of a stream: ${position}`);
  return { change: Number(change), profileId };
};

/**
 * The number of the last change that the lane has passed of one profile: inside of a change that is the change itself for
 * those up to the profile of the position, in the order of the database.
 */
export const passedOf = ({ change, profileId: last }: LivePosition, profileId: string): number =>
  last !== '' && Buffer.compare(Buffer.from(profileId), Buffer.from(last)) <= 0 ? change + 1 : change;

export const laterOf = (a: LivePosition, b: LivePosition): LivePosition => (a.change > b.change ? a : b);
