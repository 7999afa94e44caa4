/** What a random sample of a host's sectors says about all of them. Pure. */

export interface SampleClaim {
  /** "At most this share is missing": between 0 and 1. */
  readonly missingShare: number;
  /** How sure one is of it when no drawn sector is missing: between 0 and 1. */
  readonly confidence: number;
}

/**
 * How many sectors to draw, each independently and with the same probability. If more than the share were missing, so many draws
 * would all hit sectors that are there with a probability of (1 - share)^draws, which is to be at most 1 - confidence.
 */
export function drawsFor({ missingShare, confidence }: SampleClaim): number {
  return Math.ceil(Math.log1p(-confidence) / Math.log1p(-missingShare));
}

/** Of how many draws none hit a missing sector: the confidence that at most this share is missing. */
export function confidenceOf(draws: number, missingShare: number): number {
  return -Math.expm1(draws * Math.log1p(-missingShare));
}
