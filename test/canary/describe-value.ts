/** Larger values are encrypted sector data, which need no search. */
const MOST_BYTES = 65_536;

/** Any value as complete text, without its long data. */
export function describeValue(value: unknown): string {
  // Not an arrow function: a Buffer is turned into an array before the second argument is made.
  const replace = function (this: Record<string, unknown>, name: string, part: unknown): unknown {
    const own = this[name];
    if (typeof own === "bigint") return String(own);
    if (!(own instanceof Uint8Array)) return part;
    return own.length > MOST_BYTES ? `${own.length} bytes` : Buffer.from(own).toString("hex");
  };
  return JSON.stringify(value, replace) ?? "undefined";
}
