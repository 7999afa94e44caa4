/** Where a page of a list ends, as text that is only handed back. */
import { MalformedCursorError } from "./malformed-cursor-error.ts";

export function encodeCursor(...parts: readonly (string | number | bigint)[]): string {
  return Buffer.from(parts.join(" ")).toString("base64url");
}

/**
 * The parts of a cursor that matches the pattern, in its groups.
 * @throws {MalformedCursorError}
 */
export function decodeCursor(text: string, pattern: RegExp): readonly string[] {
  const found = pattern.exec(Buffer.from(text.slice(0, 200), "base64url").toString("latin1"));
  if (found === null) throw new MalformedCursorError(text);
  return found.slice(1);
}
