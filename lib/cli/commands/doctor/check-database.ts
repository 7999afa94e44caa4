import type { Sql } from "postgres";
import type { Ask } from "../../../database/client/deadline-client.ts";
import { readSessionSettings } from "../../../database/client/session-settings.ts";
import { readFleetMode } from "../../../database/fleet/fleet-mode.ts";
import { judgeIndexd } from "../../../database/indexd/version/verify-indexd.ts";
import { assertStoreVersion, STORE_VERSION } from "../../../database/schema/migrate-database.ts";
import { readPrivilegeGaps } from "../../../database/schema/missing-privileges.ts";
import { readServerFacts } from "../../../database/schema/read-server-facts.ts";
import { readStatusReport } from "../../../reports/status.ts";
import type { DatabaseAccess } from "../../command/open-database.ts";
import { describeFailure } from "../../command/report-failure.ts";
import { type Check, failure, ok, warning } from "./check.ts";
import { isTransactionPooled } from "./detect-pooler.ts";
import { judgeClaims } from "./judge-claims.ts";
import {
  describePooler,
  judgeClock,
  judgeConnections,
  judgeEncryption,
  judgePrivileges,
  judgeSettings,
  judgeTimeouts,
  judgeVersion,
  judgeWrites,
} from "./judge-database.ts";
import { describeVerdict } from "./judge-indexd.ts";

const MODE_REMEDIES = {
  paused: "When the fleet may repair again, run slabmend resume.",
  suspended: "When the fleet may repair again, run slabmend resume.",
  maintenance: "Wait for the maintenance run to end.",
  deleting: "A deletion cannot be reverted; slabmend indexers delete completes it.",
} as const;

/** Checks the database. A check that cannot be made counts as a failure and does not stop the others. */
export async function checkDatabase(
  ask: Ask,
  { location, connect }: DatabaseAccess,
  options: {
    readonly concurrency: number;
    readonly acceptedVersion: number | undefined;
    readonly now: () => number;
    readonly signal: AbortSignal;
  },
): Promise<Check[]> {
  const checks: Check[] = [];
  const read = <Result>(statements: (sql: Sql) => Promise<Result>) => ask(statements, { isIdempotent: true });
  const attempt = async (name: string, look: () => Promise<readonly Check[]>): Promise<boolean> => {
    try {
      checks.push(...(await look()));
      return true;
    } catch (error) {
      const { message, remedy } = describeFailure(error, options.signal);
      checks.push(failure(name, message, remedy));
      return false;
    }
  };

  const isReached = await attempt("database", async () => {
    // Connects first, so that the measured time below is one round trip.
    await read((sql) => sql`select 1`);
    const askedAt = options.now();
    const facts = await read(readServerFacts);
    const tripMs = options.now() - askedAt;
    const second = connect();
    const isPooled = await read((sql) => isTransactionPooled(sql, second)).finally(() =>
      second.end({ timeout: 5 }),
    );
    return [
      ok("database", `reached in ${Math.round(tripMs)} ms as role ${facts.role}`),
      judgeEncryption(facts, location),
      judgeVersion(facts),
      judgeClock(facts.clockMs - askedAt - tripMs / 2, tripMs / 2),
      judgeTimeouts(facts),
      judgeWrites(facts),
      judgeSettings(await read(readSessionSettings)),
      judgeConnections(facts, options.concurrency),
      describePooler(facts, location, isPooled),
    ];
  });
  if (!isReached) return checks;
  await attempt("indexd", async () => {
    return describeVerdict(await read((sql) => judgeIndexd(sql, options.acceptedVersion)));
  });
  const hasSchema = await attempt("schema", async () => {
    await read(assertStoreVersion);
    return [ok("schema", `version ${STORE_VERSION}`)];
  });
  if (!hasSchema) return checks;
  await attempt("privileges", async () => [
    judgePrivileges(await read(readServerFacts), await read(readPrivilegeGaps)),
  ]);
  await attempt("mode", async () => {
    const mode = await read(readFleetMode);
    if (mode.kind === "running") return [ok("mode", "running: slabs are leased")];
    const stopped = `${mode.kind} since ${mode.since.toISOString()} by ${mode.owner}`;
    return [warning("mode", stopped, MODE_REMEDIES[mode.kind])];
  });
  await attempt("claims", async () => [judgeClaims(await readStatusReport(ask))]);
  return checks;
}
