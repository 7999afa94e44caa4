import { hostname, userInfo } from "node:os";
import type { Command } from "commander";
import { MoveError } from "../../../database/move/move-error.ts";
import { isOpened } from "../../../database/move/open-target.ts";
import { cancelAttendedRun, startRun } from "../../../database/runs/maintenance-runs.ts";
import type { Run } from "../../../database/runs/run.ts";
import { RunError } from "../../../database/runs/run-error.ts";
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
/** Only the operator's commands hold the lease of a move: after a crash nobody has to wait for long. */
const LEASE_MS = 60_000;
/** A copy of a large database takes hours. */
const BUDGET_MS = 30 * 86_400_000;

export function addMoveDatabase(host: CommandHost): void {
  const group = host.program
    .command("move-database")
    .description("move indexd's database, ours in it, to another server or major version while repairs go on")
    .addHelpText(
      "after",
      `
SLABMEND_DATABASE_URL names the database as it is, SLABMEND_TARGET_DATABASE_URL an empty one on another server, both as a superuser.
In this order: plan, start, status, switch, finish. docs/move-database.md has the procedure and the reason of each step.`,
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
    .option("--pg-dump <path>", "pg_dump of the target's major version or a newer one", "pg_dump")
    .option(
      "--source-address <host:port>",
      "the source as the target's server reaches it; default: as SLABMEND_DATABASE_URL says",
    )
    .option(
      "--source-ssl-root <path>",
      "for sslmode=verify-full: the authority's certificate, a file on the target's machine",
    );

function addPlan(group: Command, host: CommandHost): void {
  withSource(
    group.command("plan").description("say why a move would fail, and how long it takes; changes nothing"),
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
      .description("copy the database and let the target follow; Ctrl+C detaches, the servers go on"),
  ).action(
    action<MoveOptions>(host, async (context, options) =>
      // A move that is under way judges its own source: an upgrade since its start ends it.
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
    .description("show how far the move is, how far the target is behind, and what needs an operator")
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
      "stop the fleet, close the source, compare, and open the target; taken back if anything fails",
    )
    .option(...YES)
    .action(
      action<{ yes?: boolean }>(host, async (context, options) =>
        withMove(context, { needs: "any" }, {}, async (move) => {
          await requireMove(move);
          context.note(
            "It will stop leases, end every session of the source, refuse logins, compare each table, and open the target. Stop indexd first.",
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
    .description("after the switch: remove subscription, publication, slot and the replication's role")
    .action(
      action<object>(host, async (context) =>
        withMove(context, { needs: "any" }, {}, async (move) => {
          const run = await requireMove(move);
          const opened = await move.target((sql) => isOpened(sql, run.id), IDEMPOTENT);
          if (!opened) {
            throw new MoveError({
              code: "move-state",
              message: `the move: expected a target that is open, got step ${moveCheckpointOf(run).step}`,
              remedy: "slabmend move-database switch opens it; abort ends the move without.",
            });
          }
          move.access.ignoreSignals();
          return await moveOn(context, move, "finished");
        }),
      ),
    );
}

function addAbort(group: Command, host: CommandHost): void {
  group
    .command("abort")
    .description("before the target is open: end the move, and leave nothing of it on either server")
    .option(...YES)
    .option(
      "--without-target",
      "the target's server is gone for good: opens the source, and removes only what is there",
    )
    .action(
      action<{ yes?: boolean; withoutTarget?: boolean }>(host, async (context, options) =>
        withMove(context, { needs: "any" }, {}, async (opened) => {
          const { withoutTarget: isTargetLost = false } = options;
          const move = { ...opened, isTargetLost };
          const run = await requireMove(move);
          if (await hasOpened(move, run)) throw alreadyOpened();
          context.note(
            isTargetLost
              ? "It will remove what the move made on the source. If the target is there after all and open, two databases will be written to."
              : "It will remove what the move made on both servers, and everything in the target's database.",
          );
          await confirm(context, options);
          move.access.ignoreSignals();
          if (run.state !== "cancelling" && !(await move.source((sql) => cancelAttendedRun(sql, run)))) {
            throw underWay(run);
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
    message: "the move: expected one under way, got none",
    remedy: "slabmend move-database start begins one. Check that SLABMEND_DATABASE_URL names the source.",
  });
}

/** Prints how the move stands when this command can do no more for it. */
async function moveOn(context: CommandContext, move: OpenMove, goal: MoveGoal): Promise<ExitReason> {
  const { clock, signal } = context.io;
  const job = createMoveJob(move, goal);
  const advance = {
    ask: move.source,
    clock,
    logger: createLogger("silent", { indexer: "default" }),
    jobs: [job],
    coordinator: coordinatorName(),
    // A switch is not left where it is: the job itself takes it back.
    signal: goal === "ready" ? signal : new AbortController().signal,
    kind: MOVE_KIND,
    leaseMs: LEASE_MS,
    onStep: (run: Run) => progress(context, run),
  };
  const run = await advanceRun(advance, BUDGET_MS);
  const report = await readMoveReport(move);
  if (run === undefined) throw underWay(await readLastMove(move));
  const failure = job.failure();
  if (failure !== undefined) throw failure;
  context.print(report, renderMove(report));
  if (
    signal.aborted &&
    goal === "ready" &&
    run.finishedAt === null &&
    moveCheckpointOf(run).step !== "ready"
  ) {
    context.note("detached: both servers go on; slabmend move-database start continues");
    return "interrupted";
  }
  return run.state === "failed" ? "findings" : "done";
}

function progress(context: CommandContext, run: Run): void {
  const { stderr } = context.io;
  if (stderr.isTTY === true && !context.json)
    stderr.write(`\r\x1b[2K${MOVE_KIND}: ${moveCheckpointOf(run).step}`);
}

function underWay(run: Run | undefined): RunError {
  return new RunError({
    code: "run-lease-lost",
    message: `the move: expected no other process at it, got ${run?.coordinator ?? "another one"}, until ${run?.expiresAt?.toISOString() ?? "a moment ago"}`,
    remedy: "End that process, or wait a minute after it crashed. Then run the command again.",
  });
}
