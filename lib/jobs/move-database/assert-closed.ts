import { sleep } from "../../clock/sleep.ts";
import { MoveError } from "../../database/move/move-error.ts";
import { PROBE } from "../../database/move/move-names.ts";
import { newPassword } from "../../database/move/publication.ts";
import {
  dropProbe,
  endSessions,
  makeProbe,
  readStillLetIn,
  type SourceAccess,
} from "../../database/move/source-access.ts";
import type { RunContext } from "../maintenance/maintenance-job.ts";
import { asHolder } from "./as-holder.ts";
import { IDEMPOTENT, type MoveDependencies } from "./move-dependencies.ts";

const SESSIONS_END_MS = 30_000;
const POLL_MS = 200;
/** PostgreSQL's insufficient_privilege: "User does not have CONNECT privilege". */
const REFUSED = "42501";

/**
 * Ends all sessions of the source. Then verifies that no new session can begin, by reading the catalogue and by trying
 * to log in.
 * @throws {MoveError} `not-closed`
 */
export async function assertClosed(
  deps: MoveDependencies,
  context: RunContext,
  access: SourceAccess,
): Promise<void> {
  const { clock, signal } = context;
  const endsAtMs = clock.now() + SESSIONS_END_MS;
  while ((await asHolder(deps, context, endSessions)) > 0) {
    if (clock.now() >= endsAtMs) {
      throw notClosed("sessions continue or begin again, most likely those of a superuser");
    }
    await sleep(clock, POLL_MS, signal);
  }
  const letIn = await deps.source((sql) => readStillLetIn(sql, access), IDEMPOTENT);
  if (letIn.length > 0) throw notClosed(`these roles can log in: ${letIn.slice(0, 5).join(", ")}`);
  const password = newPassword();
  try {
    await deps.source((sql) => makeProbe(sql, access, password), IDEMPOTENT);
    const said = await tryToLogIn(deps, password);
    if (said !== REFUSED) throw notClosed(`an attempt to log in ended with ${said}`);
  } finally {
    await deps.source(dropProbe, IDEMPOTENT);
  }
}

/** @returns PostgreSQL's error code, or a description of the result */
async function tryToLogIn(
  { connectSourceAs }: MoveDependencies,
  password: ReturnType<typeof newPassword>,
): Promise<string> {
  const client = connectSourceAs(PROBE, password);
  try {
    await client`select 1`;
    return "a session";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  } finally {
    await client.end({ timeout: 1 });
  }
}

function notClosed(got: string): MoveError {
  return new MoveError({
    code: "not-closed",
    message: `the source: expected all logins to be refused, but ${got}`,
    remedy:
      "The source is open again as before. Stop the program that logs in as a superuser, then switch again.",
  });
}
