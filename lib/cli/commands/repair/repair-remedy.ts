import type { RepairNowReport } from "./repair-now.ts";

const DOCTOR = "slabmend doctor, run on this machine, dials hosts and says why they do not answer.";

/** By the error of the journal, a stable code. */
const OF_ERROR: Readonly<Record<string, string>> = {
  "no-host-answered": `${DOCTOR} For hosts on private addresses: SLABMEND_ALLOW_PRIVATE_ADDRESSES=true.`,
  "few-hosts-answered": DOCTOR,
};

const OF_OUTCOME: Readonly<Partial<Record<RepairNowReport["outcome"], string>>> = {
  "no-candidates": "slabmend hosts --problems says why hosts may take no sector.",
  "too-few-sources": "slabmend slab shows which shards are left; repair it again when their hosts are back.",
  underfunded:
    "indexd funds accounts every 2 minutes: slabmend doctor compares the seed and looks at balances.",
  "partial-refused": "slabmend hosts shows which hosts are full or fail; the slab is tried again later.",
  interrupted: "Run it again, with more --timeout.",
  fault: "slabmend doctor looks at this machine's clock, network and rights.",
};

/** What an operator can do about a repair that did not succeed; undefined: nothing, or nothing is wrong. Pure. */
export function repairRemedy({
  outcome,
  journal,
}: Pick<RepairNowReport, "outcome" | "journal">): string | undefined {
  const ofError = journal?.error === undefined ? undefined : OF_ERROR[journal.error];
  return ofError ?? OF_OUTCOME[outcome];
}
