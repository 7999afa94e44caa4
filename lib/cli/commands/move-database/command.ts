import { hostname, userInfo } from "node:os";
import type { Command } from "commander";
import { MoveError } from "../../../database/move/move-error.ts";
import { cancelAttendedRun, keepAttendedRun, startRun } from "../../../database/runs/maintenance-runs.ts";
import type { Run } from "../../../database/runs/run.ts";
import { runUnderWay } from "../../../database/runs/run-error.ts";
import { advanceRun } from "../../../jobs/maintenance/advance-run.ts";
import { isMovable, judgePlan, type MoveFacts } from "../../../jobs/move-database/judge-plan.ts";
import { IDEMPOTENT } from "../../../jobs/move-database/move-dependencies.ts";
import { createMoveJob, type MoveGoal } from "../../../jobs/move-database/move-job.ts";
import { estimateMove } from "../../../jobs/move-database/move-kind.ts";
import { MOVE_KIND, moveCheckpointOf } from "../../../jobs/move-database/move-run.ts";
import { alreadyOpened, hasOpened } from "../../../jobs/move-database/switch-move.ts";
import { createLogger } from "../../../telemetry/logger.ts";
import { coordinatorName } from "../../../worker/coordinate-without-hosts.ts";
import { action, type CommandContext, type CommandHost } from "../../command/command-context.ts";
import { confirm } from "../../command/confirm.ts";
import type { ExitReason } from "../../command/exit-codes.ts";
import { assertDemands } from "../../command/open-database.ts";
import { type MoveOptions, type OpenMove, readMoveFacts, scopeOf, withMove } from "./open-move.ts";
import { readLastMove, readMoveReport } from "./read-move-report.ts";
import { renderMove } from "./render-move.ts";

const YES = ["-y, --yes", "do not ask"] as const;
/**
 * The lease of a move is short: only an operator's commands hold it, and after a crash the operator should not wait
 * long.
 */
const LEASE_MS = 60_000;
/** The time for one command is practically unlimited: copying a large database takes hours. */
const BUDGET_MS = 30 * 86_400_000;

export function addMoveDatabase(host: CommandHost): void {
  const group = host.program
    .command("move-database")
    .description(
      "move indexd's database with slabmend's schema to another server or major version while repairs continue",
    )
    .addHelpText(
      "after",
      `
SLABMEND_DATABASE_URL is the URL of the current database (the source), SLABMEND_TARGET_DATABASE_URL that of an empty database
on another server (the target). Both URLs log in as a superuser. Run plan, start, status, switch and finish in this order.
docs/move-database.md has the procedure and the reason for each step.`,
    );
  addPlan(group, host);
  addStart(group, host);
  addStatus(group, host);
  addSwitch(group, host);
  addFinish(group, host);
  addAbort(group, host);
}

const withSource = (command: Command): Command =>
  command
    .option("--pg-dump <path>", "path of a pg_dump of the target's major version or a newer one", "pg_dump")
    .option(
      "--source-address <host:port>",
      "the address at which the target's server reaches the source; default: the address in SLABMEND_DATABASE_URL",
    )
    .option(
      "--source-ssl-root <path>",
      "for sslmode=verify-full: file on the target's machine that holds the certificate of the source's authority",
    );

function addPlan(group: Command, host: CommandHost): void {
  withSource(
    group
      .command("plan")
      .description("report why a move would fail and how long it would take; changes nothing"),
  ).action(
    action<MoveOptions>(host, async (context, options) =>
      withMove(context, { needs: "store" }, options, async (move) => {
        const facts = await readMoveFacts(move);
        return await printPlan(context, move, facts);
      }),
    ),
  );
}

async function printPlan(context: CommandContext, move: OpenMove, facts: MoveFacts): Promise<ExitReason> {
  const findings = judgePlan(facts);
  const report = await readMoveReport(move, { judged: { findings, estimate: estimateMove(facts.source) } });
  const plan = { ...report, run: null };
  context.print(plan, renderMove(plan));
  return isMovable(findings) ? "done" : "findings";
}

function addStart(group: Command, host: CommandHost): void {
  withSource(
    group
      .command("start")
      .description(
        "copy the database and start replication to the target; after Ctrl+C the servers continue",
      ),
  ).action(
    action<MoveOptions>(host, async (context, options) =>
      // "any": nothing is demanded of the source yet. What a new move needs is checked below; a running move ends by
      // itself if its source was upgraded.
      withMove(context, { needs: "any" }, options, async (move) => {
        const last = await readLastMove(move);
        if (last === undefined || last.finishedAt !== null) {
          await assertDemands(context, move.source, { needs: "store" });
          const facts = await readMoveFacts(move);
          if (!isMovable(judgePlan(facts))) return await printPlan(context, move, facts);
          move.access.ignoreSignals();
          const owner = `${userInfo().username}@${hostname()}`;
          await move.source((sql) =>
            startRun(sql, { kind: MOVE_KIND, scope: scopeOf(move.address, facts), owner }),
          );
        } else move.access.ignoreSignals();
        return await moveOn(context, move, "ready");
      }),
    ),
  );
}

function addStatus(group: Command, host: CommandHost): void {
  group
    .command("status")
    .description("show the progress of the move, the target's lag, and problems that need an operator")
    .action(
      action<object>(host, async (context) =>
        withMove(context, { needs: "any" }, {}, async (move) => {
          const report = await readMoveReport(move, { withReplication: true });
          context.print(report, renderMove(report));
          return report.alarms.length === 0 ? "done" : "findings";
        }),
      ),
    );
}

function addSwitch(group: Command, host: CommandHost): void {
  group
    .command("switch")
    .description(
      "stop the fleet, close the source, compare both databases, and open the target; reverted if any step fails",
    )
    .option(...YES)
    .action(
      action<{ yes?: boolean }>(host, async (context, options) =>
        withMove(context, { needs: "any" }, {}, async (move) => {
          await requireMove(move);
          context.note(
            "This stops leases, ends all sessions on the source, refuses new logins there, compares each table of both databases, and opens the target. Stop indexd first.",
          );
          await confirm(context, options);
          move.access.ignoreSignals();
          return await moveOn(context, move, "opened");
        }),
      ),
    );
}

function addFinish(group: Command, host: CommandHost): void {
  group
    .command("finish")
    .description("after the switch: remove subscription, publication, slot and replication role")
    .action(
      action<object>(host, async (context) =>
        withMove(context, { needs: "any" }, {}, async (move) => {
          const run = await requireMove(move);
          if (!(await hasOpened(move, run))) {
            throw new MoveError({
              code: "move-state",
              message: `the move: expected an open target, got step ${moveCheckpointOf(run).step}`,
              remedy: "slabmend move-database switch opens it; abort ends the move without opening it.",
            });
          }
          move.access.ignoreSignals();
          await move.source((sql) => keepAttendedRun(sql, run), IDEMPOTENT);
          return await moveOn(context, move, "finished");
        }),
      ),
    );
}

function addAbort(group: Command, host: CommandHost): void {
  group
    .command("abort")
    .description(
      "before the target is open: end the move, and remove from both servers everything that the move made",
    )
    .option(...YES)
    .option(
      "--without-target",
      "for a target server that is permanently gone: open the source, and clean up only the source",
    )
    .action(
      action<{ yes?: boolean; withoutTarget?: boolean }>(host, async (context, options) =>
        withMove(context, { needs: "any" }, {}, async (opened) => {
          const { withoutTarget: isTargetLost = false } = options;
          const move = { ...opened, isTargetLost };
          const run = await requireMove(move);
          if (await hasOpened(move, run)) throw alreadyOpened(move);
          context.note(
            isTargetLost
              ? "This removes everything that the move made on the source. If the target still exists and is open, both databases will be written to."
              : "This removes everything that the move made on both servers, and everything in the target's database.",
          );
          await confirm(context, options);
          move.access.ignoreSignals();
          if (run.state !== "cancelling" && !(await move.source((sql) => cancelAttendedRun(sql, run)))) {
            throw runUnderWay(run);
          }
          return await moveOn(context, move, "ready");
        }),
      ),
    );
}

async function requireMove(move: OpenMove): Promise<Run> {
  const run = await readLastMove(move);
  if (run !== undefined && run.finishedAt === null) return run;
  throw new MoveError({
    code: "no-move",
    message: "the move: expected a running move, got none",
    remedy: "slabmend move-database start begins one. Check that SLABMEND_DATABASE_URL is the source's URL.",
  });
}

/** Continues the move until it reaches the goal or this command can do no more, then prints its state. */
async function moveOn(context: CommandContext, move: OpenMove, goal: MoveGoal): Promise<ExitReason> {
  const { clock, signal } = context.io;
  const job = createMoveJob(move, goal);
  const advance = {
    ask: move.source,
    clock,
    logger: createLogger("silent", { indexer: "default" }),
    jobs: [job],
    coordinator: coordinatorName(),
    // For goals other than `ready`, a signal must not end this call before the job has reverted an interrupted switch,
    // so only the job gets the signal.
    signal: goal === "ready" ? signal : new AbortController().signal,
    kind: MOVE_KIND,
    leaseMs: LEASE_MS,
    onStep: (run: Run) => progress(context, run),
  };
  const run = await advanceRun(advance, BUDGET_MS);
  const report = await readMoveReport(move);
  if (run === undefined) throw runUnderWay(await readLastMove(move));
  const failure = job.failure();
  if (failure !== undefined) throw failure;
  context.print(report, renderMove(report));
  if (
    signal.aborted &&
    goal === "ready" &&
    run.finishedAt === null &&
    moveCheckpointOf(run).step !== "ready"
  ) {
    context.note("detached: both servers continue; slabmend move-database start continues the move");
    return "interrupted";
  }
  return run.state === "failed" ? "findings" : "done";
}

function progress(context: CommandContext, run: Run): void {
  const { stderr } = context.io;
  if (stderr.isTTY === true && !context.json)
    stderr.write(`\r\x1b[2K${MOVE_KIND}: ${moveCheckpointOf(run).step}`);
}
