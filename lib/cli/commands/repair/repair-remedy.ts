import type { RepairNowReport } from "./repair-now.ts";

const DOCTOR = "Run slabmend doctor on this machine: it dials hosts and says why they do not answer.";

/** Remedies for the errors in the journal, by their stable codes. */
const OF_ERROR: Readonly<Record<string, string>> = {
  "no-host-answered": `${DOCTOR} If the hosts have private addresses, set SLABMEND_ALLOW_PRIVATE_ADDRESSES=true.`,
  "few-hosts-answered": DOCTOR,
};

const OF_OUTCOME: Readonly<Partial<Record<RepairNowReport["outcome"], string>>> = {
  "no-candidates": "slabmend hosts --problems says why hosts cannot take a sector.",
  "too-few-sources":
    "slabmend slab shows which shards are left; repair the slab again when their hosts are back.",
  underfunded:
    "indexd funds accounts every 2 minutes; slabmend doctor checks the balances of the seed's account.",
  "partial-refused":
    "slabmend hosts shows which hosts are full or unreliable; the repair is tried again later.",
  interrupted: "Run it again with a larger --timeout.",
  fault: "slabmend doctor checks this machine's clock, network and privileges.",
};

/** What an operator can do about a failed repair; undefined if it succeeded or nothing can be done. Pure. */
export function repairRemedy({
  outcome,
  journal,
}: Pick<RepairNowReport, "outcome" | "journal">): string | undefined {
  const ofError = journal?.error === undefined ? undefined : OF_ERROR[journal.error];
  return ofError ?? OF_OUTCOME[outcome];
}
