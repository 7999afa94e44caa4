import type { VerifyOptions } from "../../database/indexd/version/write-verified.ts";
import { type CheckClaim, recordChecks } from "../../database/verify/record-checks.ts";
import type { MaintenanceJob, RunContext } from "../maintenance/maintenance-job.ts";
import { checkpointOf, statisticsOf } from "./verify-run.ts";

/** The part of a verification that needs no host: ending a cancelled one. */
export function createVerifyEnd(verify: VerifyOptions): MaintenanceJob {
  return {
    kind: "verify",
    advance: () => Promise.reject(new Error("this process only ends verifications")),
    settle: (context) => giveBackClaims(context, verify),
  };
}

/** Restores the previous due times of the sectors of a batch that a crash or a lost lease left behind. */
async function giveBackClaims({ ask, run, token }: RunContext, verify: VerifyOptions): Promise<boolean> {
  const at = checkpointOf(run);
  if (at.claimed.length === 0) return true;
  const { after, slab, windows, silent } = at;
  const request = {
    run: run.id,
    token,
    batch: at.batch + 1,
    checkpoint: { after, slab, windows, silent },
    statistics: statisticsOf(run),
    confirmed: [],
    denied: [],
    released: at.claimed as unknown as readonly CheckClaim[],
  };
  await ask((sql) => recordChecks(sql, request, verify), { isIdempotent: true });
  return true;
}
