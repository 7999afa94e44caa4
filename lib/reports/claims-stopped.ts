/** Claims come once a minute from AWS and several times in it from a worker without a queue; a walk and a pause after a failure fit into it. */
const CLAIM_HAS_STOPPED_SECONDS = 300;

/**
 * The one rule for "claims stopped". Pure.
 * @param ageSeconds of the last claim that ended; null: none has
 * @param running repairs under way: while all workers of a machine are busy it claims nothing
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
