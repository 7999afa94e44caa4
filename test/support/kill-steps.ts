import type { WalkStep } from "../../lib/jobs/backlog/walk.ts";
import type { ClaimStep } from "../../lib/jobs/claim/claim-dependencies.ts";
import type { ReapStep } from "../../lib/jobs/reap/reap.ts";
import type { RepairStep } from "../../lib/jobs/repair/repair-dependencies.ts";

/** The compiler refuses a list with a missing or unknown step. */
const listed = <Step extends string>(steps: Readonly<Record<Step, true>>): readonly Step[] =>
  Object.keys(steps) as Step[];

export const WALK_STEPS = listed<WalkStep>({
  looked: true,
  "marked-page": true,
  "swept-page": true,
  "pass-finished": true,
});

/** Every step at which a process can be killed; a test compares it with the steps of undisturbed runs. */
export const KILL_STEPS = {
  claim: [
    ...WALK_STEPS,
    ...listed<Exclude<ClaimStep, WalkStep>>({ leased: true, "sent-message": true, "marked-sent": true }),
  ],
  repair: listed<RepairStep>({
    begun: true,
    planned: true,
    "fetched-one": true,
    "rebuilt-one": true,
    "stored-one": true,
    stored: true,
    "commit-sent": true,
    committed: true,
    "events-bumped": true,
  }),
  reap: listed<ReapStep>({
    "fleet-checked": true,
    reaped: true,
    "events-bumped": true,
    "sent-message": true,
    "marked-sent": true,
    "dead-letters-stored": true,
    "dead-letters-deleted": true,
    "history-forgotten": true,
    "journal-sequenced": true,
    "totals-followed": true,
    "journal-forgotten": true,
  }),
} as const;
