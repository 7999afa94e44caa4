/** Decides for /readyz whether a `serve` works. Pure. */
import * as v from "valibot";
import type { IndexerView } from "../lifecycle/indexer-control.ts";
import type { LifecycleState } from "../lifecycle/state-machine.ts";
import { haveClaimsStopped } from "../reports/claims-stopped.ts";
import type { IndexerHealth } from "../worker/indexer-loop.ts";

const readinessSchema = v.object({
  ready: v.boolean(),
  checks: v.array(
    v.object({
      indexer: v.optional(v.pipe(v.string(), v.description("set if the server has several indexers"))),
      name: v.picklist(["supervisor", "database", "claims", "workers"]),
      ok: v.boolean(),
      code: v.nullable(v.pipe(v.string(), v.description("a stable code of the problem"))),
    }),
  ),
});

export type Readiness = v.InferOutput<typeof readinessSchema>;
type CheckName = Readiness["checks"][number]["name"];

export interface ReadinessFacts {
  readonly nowMs: number;
  /** Null if the supervisor has been silent for too long. */
  readonly view: Pick<IndexerView, "lifecycle" | "loop"> | null;
  /** Code of the problem with the database; undefined if the database answers and its versions are supported. */
  readonly databaseCode: string | undefined;
}

export function decideReadiness({ nowMs, view, databaseCode }: ReadinessFacts): Readiness {
  const check = (name: CheckName, code: string | undefined) => ({
    name,
    ok: code === undefined,
    code: code ?? null,
  });
  const checks = [
    check("supervisor", supervisorCode(view)),
    check("database", view?.lifecycle.state === "deleted" ? undefined : databaseCode),
    check(
      "claims",
      codeOf(view, (loop) => claimsCode(loop, nowMs)),
    ),
    check("workers", codeOf(view, workersCode)),
  ];
  return { ready: checks.every(({ ok }) => ok), checks };
}

/**
 * The states after an operator stopped or deleted the indexer. Nothing is meant to run for such an indexer, so its
 * checks pass.
 */
const AT_REST: ReadonlySet<LifecycleState> = new Set(["stopping", "stopped", "deleting", "deleted"]);

function supervisorCode(view: ReadinessFacts["view"]): string | undefined {
  if (view === null) return "silent";
  const state = view.loop?.state;
  const isDraining = state === "draining" || state === "ended";
  return isDraining && !AT_REST.has(view.lifecycle.state) ? "draining" : undefined;
}

function codeOf(
  view: ReadinessFacts["view"],
  judge: (loop: IndexerHealth) => string | undefined,
): string | undefined {
  if (view === null) return "unknown";
  const { lifecycle, loop } = view;
  if (AT_REST.has(lifecycle.state)) return undefined;
  return loop === null ? (lifecycle.trouble?.code ?? "starting") : judge(loop);
}

/**
 * Applies the status report's rule for stopped claims, but only to this server's own claims: the claims of another
 * process do not make this server ready.
 */
function claimsCode({ claim, running, state }: IndexerHealth, nowMs: number): string | undefined {
  // A time in the future was recorded before the clock was set back. Its distance from now counts as its age.
  const ageSeconds = claim.endedAtMs === null ? null : Math.abs(nowMs - claim.endedAtMs) / 1_000;
  if (!haveClaimsStopped({ ageSeconds, running })) return undefined;
  return claim.trouble?.code ?? (state === "starting" ? "starting" : "claims-stopped");
}

function workersCode({ trouble, workers, state }: IndexerHealth): string | undefined {
  if (state === "unfit") return "worker-unfit";
  if (state === "starting") return trouble?.code ?? "starting";
  return workers.every(({ crashLoopingSinceMs }) => crashLoopingSinceMs !== null)
    ? "worker-crashing"
    : undefined;
}

/**
 * With several indexers, a failing indexer does not stop the others, so the server is ready while any indexer is ready.
 */
export function joinReadiness(all: ReadonlyMap<string, Readiness>): Readiness {
  if (all.size === 1) return [...all.values()][0]!;
  const checks = [...all].flatMap(([indexer, { checks: own }]) => own.map((one) => ({ ...one, indexer })));
  return { ready: [...all.values()].some(({ ready }) => ready), checks };
}
