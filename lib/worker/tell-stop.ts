/** Logs, once per change, the reason why a worker that claims for itself gets nothing to do. */
import type { Ask } from "../database/client/deadline-client.ts";
import { type FleetMode, readFleetMode } from "../database/fleet/fleet-mode.ts";
import type { ClaimReport } from "../jobs/claim/claim-report.ts";
import { modeInWords } from "../reports/mode.ts";
import type { Logger } from "../telemetry/logger.ts";

const UNTIL = {
  paused: " until slabmend resume",
  suspended: " until slabmend resume",
  maintenance: " until the maintenance run ends",
  deleting: "",
} as const;

/** Returns a function to call after each claim. */
export function createStopTeller(
  ask: Ask,
  logger: Pick<Logger, "info" | "warn">,
): (stopped: ClaimReport["stopped"]) => Promise<void> {
  let told: FleetMode["kind"] | "breaker-open" = "running";
  return async (stopped) => {
    const now = stopped === "no-backlog" || stopped === "deadline" ? "running" : stopped;
    if (now === told) return;
    if (now === "running") logger.info({ was: told }, "slabs are claimed again");
    else if (now === "breaker-open") {
      logger.warn(
        { code: "breaker-open" },
        "the circuit breaker is open: most of the recent repairs failed; one slab a minute is tried; see slabmend history for the causes",
      );
    } else tellMode(logger, await ask(readFleetMode, { isIdempotent: true }));
    told = now;
  };
}

/** Logs nothing if the fleet is running. */
export function tellMode(logger: Pick<Logger, "warn">, mode: FleetMode): void {
  if (mode.kind === "running") return;
  const { kind, owner, reason, since } = mode;
  const says = `the fleet is ${modeInWords(kind)}: nothing is claimed${UNTIL[kind]}`;
  logger.warn({ code: `mode-${kind}`, owner, reason, since }, says);
}
