/** Whether a `serve` does its work: what /readyz answers. Pure. */
import * as v from "valibot";
import { haveClaimsStopped } from "../reports/claims-stopped.ts";
import type { IndexerHealth } from "../worker/indexer-loop.ts";

const readinessSchema = v.object({
  ready: v.boolean(),
  checks: v.array(
    v.object({
      name: v.picklist(["supervisor", "database", "claims", "workers"]),
      ok: v.boolean(),
      code: v.nullable(v.pipe(v.string(), v.description("stable; what is wrong"))),
    }),
  ),
});

export type Readiness = v.InferOutput<typeof readinessSchema>;
type CheckName = Readiness["checks"][number]["name"];

export interface ReadinessFacts {
  readonly nowMs: number;
  /** Null: the supervisor has not been heard of for too long. */
  readonly health: IndexerHealth | null;
  /** Undefined: it answers and fits. */
  readonly databaseCode: string | undefined;
}

export function decideReadiness({ nowMs, health, databaseCode }: ReadinessFacts): Readiness {
  const check = (name: CheckName, code: string | undefined) => ({
    name,
    ok: code === undefined,
    code: code ?? null,
  });
  const checks = [
    check("supervisor", supervisorCode(health)),
    check("database", databaseCode),
    check("claims", health === null ? "unknown" : claimsCode(health, nowMs)),
    check("workers", health === null ? "unknown" : workersCode(health)),
  ];
  return { ready: checks.every(({ ok }) => ok), checks };
}

function supervisorCode(health: IndexerHealth | null): string | undefined {
  if (health === null) return "silent";
  return health.state === "draining" || health.state === "ended" ? "draining" : undefined;
}

/** The rule of the status report, by this server's own claims: those of another worker do not make it ready. */
function claimsCode({ claim, running, state }: IndexerHealth, nowMs: number): string | undefined {
  // A time in the future, before the clock was set back, was long ago.
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
