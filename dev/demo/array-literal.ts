/**
 * Writes an array in PostgreSQL's text format, because the demo's client does not look up array types. Only for ids and
 * names, because nothing is quoted.
 */
export function arrayLiteral(values: readonly (string | number | bigint)[]): string {
  return `{${values.join(",")}}`;
}
