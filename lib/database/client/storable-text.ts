/** Text from outside as PostgreSQL can hold it: bounded, without NUL and without halves of surrogate pairs. */
export function storableText(text: string, mostCharacters: number): string {
  return text.slice(0, mostCharacters).toWellFormed().replaceAll("\0", "\u{FFFD}");
}
