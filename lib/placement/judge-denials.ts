/**
 * Whose denials ("sector not found", "sector corrupt") are believed. Pure; lib/database/denials/suspected-hosts.sql and
 * many-hosts-deny.sql decide the same.
 */

/** How much of what a host was asked for it denied lately: lib/database/denials/denial-shares.sql. */
export interface DenialShare {
  /** Sectors, within a day. */
  readonly denied: number;
  /** Those of them that it denied again at least 6 h after the first time. */
  readonly deniedAgain: number;
  /** Within 10 minutes. */
  readonly deniedLately: number;
  /** Requests that it served, as a fading sum. */
  readonly served: number;
}

/** A low floor, so that hosts with few sectors of ours are covered, too. */
const LEAST_DENIED = 3;
/** Denied for one that is served; more is an unusual share: a tenth of what was asked. */
const SERVED_FOR_ONE_DENIED = 9;
const LEAST_DENYING_HOSTS = 5;
/** More than this share of hosts do not lose sectors within the same minutes. */
const HOSTS_FOR_ONE_DENYING = 3;

/**
 * A host that denies an unusual share may only have forgotten, and may remember. Its denials are not believed until it
 * has denied some sectors again hours later.
 */
export function isSuspected({ denied, deniedAgain, served }: DenialShare): boolean {
  return denied >= LEAST_DENIED && deniedAgain < LEAST_DENIED && SERVED_FOR_ONE_DENIED * denied > served;
}

/**
 * Whether the cause must be ours, because so many hosts that otherwise serve deny at once.
 * @param shares of the hosts that denied something within 10 minutes
 * @param heard how many hosts served or denied something within 10 minutes
 */
export function manyHostsDeny(shares: readonly DenialShare[], heard: number): boolean {
  const denying = shares.filter(
    ({ deniedLately, served }) =>
      deniedLately > 0 && served > 0 && SERVED_FOR_ONE_DENIED * deniedLately > served,
  );
  return denying.length >= LEAST_DENYING_HOSTS && HOSTS_FOR_ONE_DENYING * denying.length > heard;
}
