import { hostname, userInfo } from "node:os";
import { type Command, Option } from "commander";
import type { Ask } from "../../../database/client/deadline-client.ts";
import { judgeIndexd } from "../../../database/indexd/version/verify-indexd.ts";
import { type RestoreState, readRestoreState } from "../../../database/restore/restore-reads.ts";
import { beginRestore, releasePrunes } from "../../../database/restore/restore-writes.ts";
import { ALL_MOVES_MS } from "../../../database/restore/restored-moves.ts";
import { cancelAttendedRun, readRun, readUnfinishedRun } from "../../../database/runs/maintenance-runs.ts";
import { noRun, runActive, runUnderWay } from "../../../database/runs/run-error.ts";
import { OperatorError } from "../../../errors/operator-error.ts";
import { archiveFollower } from "../../../jobs/journal/follow-archive.ts";
import { judgeRestore, type RestoreObstacle } from "../../../jobs/restore/judge-restore.ts";
import { restoreKind } from "../../../jobs/restore/restore-kind.ts";
import { SCHEMA_VERSION } from "../../../reports/fields.ts";
import { readMaintenanceReport } from "../../../reports/maintenance.ts";
import { createLogger } from "../../../telemetry/logger.ts";
import { openStorage } from "../../../worker/open-archive.ts";
import { MAINTENANCE_VARIABLES } from "../../../worker/open-maintenance.ts";
import { openRestore } from "../../../worker/open-restore.ts";
import { action, type CommandContext, type CommandHost } from "../../command/command-context.ts";
import type { ExitReason } from "../../command/exit-codes.ts";
import { withDatabase } from "../../command/open-database.ts";
import { wholeNumber } from "../../command/option-values.ts";
import { untilEnded } from "../maintenance/coordinate-run.ts";
import { chooseSource, type RestoreSource } from "./open-source.ts";

interface StartOptions {
  readonly source: RestoreSource;
  readonly probes?: number;
  readonly indexdRole?: string;
  readonly dryRun?: boolean;
}

const BUDGET_MS = 60_000;
const MOST_PROBES = 1e12;
const INDEXD_ROLE = [
  "--indexd-role <name>",
  "indexd's role, to check that PostgreSQL refuses its login; default: check all roles that may write slabs, except superusers",
] as const;

export function addRestore(host: CommandHost): void {
  const group = host.program
    .command("restore")
    .description("correct the locations of sectors after indexd's database was restored from a backup");
  addStart(group, host);
  addInterrupted(group, host, "continue", "continue an interrupted restore");
  addInterrupted(
    group,
    host,
    "abort",
    "end an interrupted restore; corrected locations stay, and indexd still may not prune contracts",
  );
  group
    .command("release-prunes")
    .description("let indexd prune contracts again, after everything was verified")
    .action(
      action<object>(host, async (context) => {
        const released = await withDatabase(context, { needs: "store" }, async (ask) => {
          const run = await ask(readUnfinishedRun, { isIdempotent: true });
          if (run?.kind === restoreKind.kind) throw runActive(run, new Date(context.io.clock.now()));
          return await ask(releasePrunes);
        });
        const text = released ? "indexd prunes again when its contracts are due" : "prunes were not held";
        context.print({ schemaVersion: SCHEMA_VERSION, released }, text);
        return "done";
      }),
    );
}

function addInterrupted(
  group: Command,
  host: CommandHost,
  name: "continue" | "abort",
  description: string,
): void {
  const command = group.command(name).description(description);
  if (name === "continue") command.option(...INDEXD_ROLE);
  command.action(
    action<{ indexdRole?: string }>(host, (context, { indexdRole }) =>
      withDatabase(context, { needs: "store" }, async (ask, access) => {
        const run = await ask(readUnfinishedRun, { isIdempotent: true });
        if (run?.kind !== restoreKind.kind) throw noRun();
        if (name === "continue") await assertReady(ask, "", indexdRole);
        access.ignoreSignals();
        if (
          name === "abort" &&
          run.state !== "cancelling" &&
          !(await ask((sql) => cancelAttendedRun(sql, run)))
        ) {
          throw runUnderWay(await ask(readUnfinishedRun, { isIdempotent: true }));
        }
        return await coordinate(context, ask, run.id);
      }),
    ),
  );
}

function addStart(group: Command, host: CommandHost): void {
  group
    .command("start")
    .description("begin a restore, as the owner of the database, with indexd and the fleet stopped")
    .addOption(
      new Option("--source <source>", "where to learn which sectors moved since the backup")
        .choices(["auto", "archive", "scan"])
        .default("auto"),
    )
    .option(
      "--probes <n>",
      "for a scan: maximum number of requests for sectors; 0: ask only about contracts; default: two per sector",
      wholeNumber(0, MOST_PROBES),
    )
    .option(...INDEXD_ROLE)
    .option("--dry-run", "only check the preconditions, and print an estimate")
    .addHelpText(
      "after",
      `
docs/restore.md has the whole procedure with the reason for each step. Do not start indexd on a restored database before that:
it would let hosts delete the sectors that moved since the backup.

archive  the fleet's moves, from the archive of its journal
scan     asks hosts which sectors they have: for each sector first the recorded host, and other hosts if it lacks the sector.
         Use it if there is no archive, or after the archive, to find the sectors that indexd itself moved
auto     archive if SLABMEND_ARCHIVE is set, else scan

Needs the URL of the database's owner, SLABMEND_MIGRATION_SEED, and reap's SLABMEND_ARCHIVE. After Ctrl+C or a crash run
slabmend restore continue. slabmend maintenance status shows the restore, slabmend restore abort ends it.`,
    )
    .action(
      action<StartOptions>(host, (context, options) =>
        withDatabase(context, { needs: "store" }, async (ask, access) => {
          const { scope, archivedIncarnation } = await look(context, ask, options);
          if (options.dryRun === true) {
            const estimate = await restoreKind.estimate(ask, scope);
            context.print(await readMaintenanceReport(ask, { estimate }), estimate.lines.join("\n"));
            return "done";
          }
          context.parse(MAINTENANCE_VARIABLES);
          access.ignoreSignals();
          const owner = `${userInfo().username}@${hostname()}`;
          const id = await ask((sql) => beginRestore(sql, { scope, owner, archivedIncarnation }), {
            limitMs: ALL_MOVES_MS,
          });
          return await coordinate(context, ask, id);
        }),
      ),
    );
}

/** Checks all preconditions before anything is written. */
async function look(
  context: CommandContext,
  ask: Ask,
  { indexdRole, ...source }: StartOptions,
): ReturnType<typeof chooseSource> {
  const now = new Date(context.io.clock.now());
  const active = await ask(readUnfinishedRun, { isIdempotent: true });
  // An unfinished run is no obstacle if no process executes it: the new restore ends this run, whether it is an
  // interrupted restore or was already unfinished when the backup was made.
  if (active?.kind === restoreKind.kind && active.expiresAt !== null && active.expiresAt > now)
    throw runActive(active, now);
  const { SLABMEND_ARCHIVE: destination } = context.parse(["SLABMEND_ARCHIVE"]);
  const opened = destination === undefined ? undefined : await openStorage(destination, context.variables);
  try {
    const follower = opened === undefined ? "" : archiveFollower(opened.storage);
    const state = await assertReady(ask, follower, indexdRole);
    const { signal } = context.io;
    return await chooseSource({ ...source, storage: opened?.storage, signal }, ask, state);
  } finally {
    opened?.close();
  }
}

/**
 * @throws if this release does not know the version of indexd's database, if indexd never used the database, or if a
 * client other than this command is connected or could connect
 */
async function assertReady(
  ask: Ask,
  follower: string,
  indexdRole: string | undefined,
): Promise<RestoreState> {
  await assertKnown(ask);
  const state = await ask((sql) => readRestoreState(sql, follower), { isIdempotent: true });
  const [obstacle] = judgeRestore(state, indexdRole);
  if (obstacle !== undefined) throw explain(obstacle);
  return state;
}

/**
 * Refuses a version of indexd's database that this release does not know, even if the operator accepted it in
 * SLABMEND_ACCEPT_INDEXD_VERSION: how such an indexd behaves on a restored database is unknown.
 */
async function assertKnown(ask: Ask): Promise<void> {
  const { kind, version } = await ask((sql) => judgeIndexd(sql, undefined), { isIdempotent: true });
  if (kind === "known") return;
  throw new OperatorError({
    code: "indexd-not-known",
    message: `restore: expected a version of indexd's database that this release knows, got ${version} (${kind})`,
    remedy:
      "Use a release of slabmend that knows it: docs/indexd-upgrades.md. Do not start indexd meanwhile.",
  });
}

async function coordinate(context: CommandContext, ask: Ask, id: bigint): Promise<ExitReason> {
  const { clock, signal } = context.io;
  const environment = context.parse([
    ...MAINTENANCE_VARIABLES,
    "SLABMEND_ARCHIVE",
    "SLABMEND_LOG_LEVEL",
    "SLABMEND_INDEXER",
  ]);
  const logger = createLogger(environment.SLABMEND_LOG_LEVEL, {
    indexer: environment.SLABMEND_INDEXER,
    destination: { write: (line) => void context.io.stderr.write(line) },
  });
  const destination = environment.SLABMEND_ARCHIVE;
  const opened = destination === undefined ? undefined : await openStorage(destination, context.variables);
  const coordinator = openRestore({ environment, archive: opened?.storage, clock, logger, signal });
  try {
    const run = await ask((sql) => readRun(sql, id), { isIdempotent: true });
    return await untilEnded(context, ask, run!, (onStep) => coordinator.advance(ask, BUDGET_MS, onStep));
  } finally {
    await coordinator.close();
    opened?.close();
  }
}

function explain(obstacle: RestoreObstacle): OperatorError {
  switch (obstacle.code) {
    case "no-wallet":
      return new OperatorError({
        code: "wallet-unknown",
        message: "restore: expected a database that an indexd has used, got one without a wallet",
        remedy: "Check that the backup was restored into this database.",
      });
    case "still-connected":
      return new OperatorError({
        code: "still-connected",
        message: `restore: expected no other connection to the database, got ${obstacle.who.join(", ")}`,
        remedy: "Stop indexd, the fleet and all other clients: docs/restore.md, step 1.",
      });
    case "login-allowed":
      return new OperatorError({
        code: "login-allowed",
        message: `restore: expected PostgreSQL to refuse indexd's login, but it lets in ${obstacle.roles.join(", ")}`,
        remedy:
          "Run as a superuser: alter role NAME nologin; after the restore: alter role NAME login. If the role in SLABMEND_DATABASE_URL is among them and indexd uses it, use a superuser's URL first; if indexd uses another role, --indexd-role NAME checks only that role.",
      });
  }
}
