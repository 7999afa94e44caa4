/** Knows which environment variables contain secrets. */
import { recordSecret } from "./recorder.ts";

/** Records the secrets in these environment variables and ignores all other variables. */
export function rememberVariables(variables: Iterable<readonly [string, string | undefined]>): void {
  for (const [name, value = ""] of variables) {
    if (name === "SLABMEND_MIGRATION_SEED") rememberSeed(value);
    if (name === "SLABMEND_DATABASE_URL") rememberPassword(value);
    if (name === "PGPASSWORD") recordSecret("database password", value);
  }
}

/** Records the seed as bytes, and as the given text in case the text is malformed. */
function rememberSeed(text: string): void {
  recordSecret("migration seed", Buffer.from(text, "hex"));
  recordSecret("migration seed", text);
}

/** Records the password: the text between ":" and "@", which can be found even in a malformed URL. */
function rememberPassword(url: string): void {
  const encoded = /:([^:@/]*)@/.exec(url)?.[1];
  if (encoded === undefined) return;
  recordSecret("database password", encoded);
  try {
    recordSecret("database password", decodeURIComponent(encoded));
  } catch {
    // The password cannot be decoded, so only its encoded form is a secret.
  }
}
