/** An array as PostgreSQL reads it from text: the client of the demo does not look up the types of arrays. Ids and names only. */
export function arrayLiteral(values: readonly (string | number | bigint)[]): string {
  return `{${values.join(",")}}`;
}
