/** What a random sample of a host's sectors says about all of them. Pure. */

export interface SampleClaim {
  /** The claim is that at most this share of the sectors is missing: between 0 and 1. */
  readonly missingShare: number;
  /** The confidence in this claim if no drawn sector is missing: between 0 and 1. */
  readonly confidence: number;
}

/**
 * How many sectors to draw, each independently and with the same probability. If more than this share were missing, the
 * probability that no draw hits a missing sector would be at most (1 - share)^draws, which must not exceed 1 -
 * confidence.
 */
export function drawsFor({ missingShare, confidence }: SampleClaim): number {
  return Math.ceil(Math.log1p(-confidence) / Math.log1p(-missingShare));
}

/** The confidence that at most this share is missing, if none of the draws hit a missing sector. */
export function confidenceOf(draws: number, missingShare: number): number {
  return -Math.expm1(draws * Math.log1p(-missingShare));
}
