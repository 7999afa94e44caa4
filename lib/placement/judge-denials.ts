/**
 * Which hosts' denials ("sector not found", "sector corrupt") are believed. Pure;
 * lib/database/denials/suspected-hosts.sql and many-hosts-deny.sql make the same decisions.
 */

/** How large a share of recent requests a host denied: lib/database/denials/denial-shares.sql. */
export interface DenialShare {
  /** Sectors denied within a day. */
  readonly denied: number;
  /** How many of the `denied` sectors the host denied again at least 6 h after it first denied them. */
  readonly deniedAgain: number;
  /** Sectors denied within 10 minutes. */
  readonly deniedLately: number;
  /** Requests that the host served, as a sum in which older requests count less. */
  readonly served: number;
}

/**
 * A smaller number of denied sectors proves nothing. The limit is low, so that even hosts with few of our sectors reach
 * it.
 */
const LEAST_DENIED = 3;
/** One denied request for nine served requests is a tenth of all requests; a share above a tenth is unusual. */
const SERVED_FOR_ONE_DENIED = 9;
const LEAST_DENYING_HOSTS = 5;
/**
 * If more than a third of the hosts deny an unusual share of requests within the same 10 minutes, this is no
 * coincidence.
 */
const HOSTS_FOR_ONE_DENYING = 3;

/**
 * A host that denies an unusual share may have lost its index only temporarily. Its denials are not believed until it
 * has denied some sectors again hours later.
 */
export function isSuspected({ denied, deniedAgain, served }: DenialShare): boolean {
  return denied >= LEAST_DENIED && deniedAgain < LEAST_DENIED && SERVED_FOR_ONE_DENIED * denied > served;
}

/**
 * Whether the cause must be on our side, because so many hosts that otherwise serve sectors deny them at the same time.
 * @param shares of the hosts that denied a sector within 10 minutes
 * @param heard number of hosts that served or denied a request within 10 minutes
 */
export function manyHostsDeny(shares: readonly DenialShare[], heard: number): boolean {
  const denying = shares.filter(
    ({ deniedLately, served }) =>
      deniedLately > 0 && served > 0 && SERVED_FOR_ONE_DENIED * deniedLately > served,
  );
  return denying.length >= LEAST_DENYING_HOSTS && HOSTS_FOR_ONE_DENYING * denying.length > heard;
}
