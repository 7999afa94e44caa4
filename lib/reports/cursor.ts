/** Where a page of a list ends, as opaque text for the request of the next page. */
import { MalformedCursorError } from "./malformed-cursor-error.ts";

export function encodeCursor(...parts: readonly (string | number | bigint)[]): string {
  return Buffer.from(parts.join(" ")).toString("base64url");
}

/**
 * Decodes a cursor, and returns the groups that the pattern captures in it.
 * @throws {MalformedCursorError}
 */
export function decodeCursor(text: string, pattern: RegExp): readonly string[] {
  const found = pattern.exec(Buffer.from(text.slice(0, 200), "base64url").toString("latin1"));
  if (found === null) throw new MalformedCursorError(text);
  return found.slice(1);
}
