/** Secrets by the variables in which a process is given them. */
import { recordSecret } from "./recorder.ts";

/** The secrets among environment variables; whatever else they hold is no secret. */
export function rememberVariables(variables: Iterable<readonly [string, string | undefined]>): void {
  for (const [name, value = ""] of variables) {
    if (name === "SLABMEND_MIGRATION_SEED") rememberSeed(value);
    if (name === "SLABMEND_DATABASE_URL") rememberPassword(value);
    if (name === "PGPASSWORD") recordSecret("database password", value);
  }
}

/** As bytes and, in case it is none, as it was given. */
function rememberSeed(text: string): void {
  recordSecret("migration seed", Buffer.from(text, "hex"));
  recordSecret("migration seed", text);
}

/** Also of a URL that nobody can read: what stands before the @. */
function rememberPassword(url: string): void {
  const encoded = /:([^:@/]*)@/.exec(url)?.[1];
  if (encoded === undefined) return;
  recordSecret("database password", encoded);
  try {
    recordSecret("database password", decodeURIComponent(encoded));
  } catch {
    // Nothing else that it could be.
  }
}
