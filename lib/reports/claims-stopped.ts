/**
 * On AWS, claim runs once a minute; a worker without a queue claims several times a minute. Claims count as stopped
 * only after five minutes, because a walk, or the pause after a failure, may delay a claim.
 */
const CLAIM_HAS_STOPPED_SECONDS = 300;

/**
 * Whether claims have stopped. Reports and probes all use this rule. Pure.
 * @param ageSeconds age of the last finished claim; null: there was none
 * @param running repairs that run now: a machine whose workers are all busy claims nothing
 */
export function haveClaimsStopped({
  ageSeconds,
  running,
}: {
  readonly ageSeconds: number | null;
  readonly running: number;
}): boolean {
  return running === 0 && (ageSeconds === null || ageSeconds > CLAIM_HAS_STOPPED_SECONDS);
}
