/** AWS claims once a minute, a worker without a queue several times a minute; 5 minutes allow for a walk and a pause after a failure. */
const CLAIM_HAS_STOPPED_SECONDS = 300;

/**
 * The one rule for "claims stopped". Pure.
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
