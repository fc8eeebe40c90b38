const MAX_CHARACTERS = 256;

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** What is wrong with an id that a client brings; undefined when nothing is. */
export const faultOfClientId = (id: string): string | undefined => {
  if (id === '') return 'is empty';
  if (id.length > MAX_CHARACTERS && [...id].length > MAX_CHARACTERS)
    return `has more than ${MAX_CHARACTERS} characters`;
  if (CONTROL.test(id)) return 'holds a control character';
  if (!id.isWellFormed()) return 'holds half of a surrogate pair, which is no character';
  return undefined;
};
