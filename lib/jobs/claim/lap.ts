import type { ClaimedPage, ClaimPosition } from "../../database/leases/choose-unhealthy-slabs.ts";

/** A page, as far as a lap is concerned. */
export type LapPage = Pick<ClaimedPage, "from" | "next" | "passed">;

/**
 * Knows when the checkpoint has come around to where this round began: everything from there to the end, and
 * from the beginning to there, was passed. Others move it on too, which only helps.
 *
 *   first page at start -> ... -> the end -> came around -> ... -> a page that reaches start, or the end again
 *
 * `start` may lie behind all bad sectors that are left: then the page that reaches the end is the last of the lap.
 */
export class Lap {
  #start: ClaimPosition | undefined;
  /** Where the last page came to. */
  #reached: ClaimPosition | "end" | undefined;
  #cameAround = false;

  /** @returns whether this page completes the lap */
  completedBy(page: LapPage): boolean {
    this.#start ??= page.from;
    // The last page reached the end, or somebody else's did.
    if (this.#reached !== undefined && isBefore(page.from, this.#reached)) this.#cameAround = true;
    this.#reached = !page.passed || !isAtZero(page.next) ? page.next : "end";
    if (!page.passed) return false;
    if (isAtZero(this.#start) && this.#reached === "end") return true;
    return this.#cameAround && !isBefore(this.#reached, this.#start);
  }
}

/** As where a page begins, the beginning; as where the next one does, the end. */
function isAtZero({ sector, slab }: ClaimPosition): boolean {
  return sector === 0n && slab === 0n;
}

function isBefore(a: ClaimPosition | "end", b: ClaimPosition | "end"): boolean {
  if (a === "end") return false;
  if (b === "end") return true;
  return a.sector < b.sector || (a.sector === b.sector && a.slab < b.slab);
}
