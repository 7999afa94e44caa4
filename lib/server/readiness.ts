/** Whether a `serve` does its work: what /readyz answers. Pure. */
import * as v from "valibot";
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

/** A walk and a batch may take half a minute, a retry pauses for a minute. */
export const CLAIMS_STOPPED_AFTER_MS = 150_000;

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

function claimsCode({ claim, state }: IndexerHealth, nowMs: number): string | undefined {
  if (claim.endedAtMs !== null && nowMs - claim.endedAtMs < CLAIMS_STOPPED_AFTER_MS) return undefined;
  return claim.trouble?.code ?? (state === "starting" ? "starting" : "claims-stopped");
}

function workersCode({ trouble, workers, state }: IndexerHealth): string | undefined {
  if (state === "unfit") return "worker-unfit";
  if (state === "starting") return trouble?.code ?? "starting";
  return workers.every(({ crashLoopingSinceMs }) => crashLoopingSinceMs !== null)
    ? "worker-crashing"
    : undefined;
}
