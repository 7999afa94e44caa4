/** The secrets by their environment variables. */
import { recordSecret } from "./recorder.ts";

/** Records the secrets among environment variables; other variables are not secret. */
export function rememberVariables(variables: Iterable<readonly [string, string | undefined]>): void {
  for (const [name, value = ""] of variables) {
    if (name === "SLABMEND_MIGRATION_SEED") rememberSeed(value);
    if (name === "SLABMEND_DATABASE_URL") rememberPassword(value);
    if (name === "PGPASSWORD") recordSecret("database password", value);
  }
}

/** Records the seed as bytes, and as the given text in case that is malformed. */
function rememberSeed(text: string): void {
  recordSecret("migration seed", Buffer.from(text, "hex"));
  recordSecret("migration seed", text);
}

/** Also for a malformed URL: the text before the @. */
function rememberPassword(url: string): void {
  const encoded = /:([^:@/]*)@/.exec(url)?.[1];
  if (encoded === undefined) return;
  recordSecret("database password", encoded);
  try {
    recordSecret("database password", decodeURIComponent(encoded));
  } catch {
    // It cannot be decoded, so only the encoded form is secret.
  }
}
