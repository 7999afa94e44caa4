/** Text from outside in a form that PostgreSQL can store: bounded, without NUL and without lone surrogates. */
export function storableText(text: string, mostCharacters: number): string {
  return text.slice(0, mostCharacters).toWellFormed().replaceAll("\0", "\u{FFFD}");
}
