/** Larger values are encrypted sector data, which need no search. */
const MOST_BYTES = 65_536;

/**
 * A value as JSON, with byte arrays in hex. A byte array above the limit is replaced by its length; nothing else is
 * shortened.
 */
export function describeValue(value: unknown): string {
  // Not an arrow function, because it needs `this`: `part` is the result of Buffer.toJSON(), only `this[name]` is the
  // Buffer.
  const replace = function (this: Record<string, unknown>, name: string, part: unknown): unknown {
    const own = this[name];
    if (typeof own === "bigint") return String(own);
    if (!(own instanceof Uint8Array)) return part;
    return own.length > MOST_BYTES ? `${own.length} bytes` : Buffer.from(own).toString("hex");
  };
  return JSON.stringify(value, replace) ?? "undefined";
}
