/** How a pool treats every host; milliseconds and counts. */
export interface HostPoolConfig {
  /** A read or write of any size, from asking for it to its end: waiting for a turn, dialling and prices included. */
  readonly transferDeadlineMs: number;
  /** Settings, balance: small and free. */
  readonly queryDeadlineMs: number;
  /** Prices are fetched again this long before they expire, so that they do not expire on the way. */
  readonly pricesMarginMs: number;
  /** An account token's validity; it is used for the first fifth of it. */
  readonly tokenMs: number;
  readonly maxRpcsPerHost: number;
  /** Beyond it the connections unused for longest are closed. */
  readonly maxConnections: number;
  /** A connection on which nothing has moved for this long, while something should, is dropped. */
  readonly silentConnectionMs: number;
  /** After a pause this short a connection is used as if there had been none. */
  readonly trustIdleMs: number;
  /** After a pause longer than this a connection is not even tested. */
  readonly dropIdleMs: number;
  /** How long a tested connection has to answer. */
  readonly testDeadlineMs: number;
}

export const defaultHostPoolConfig: HostPoolConfig = {
  // indexd's hard limit for one shard.
  transferDeadlineMs: 120_000,
  // Three round trips for a new connection, one for the query, on the far side of the planet, with losses.
  queryDeadlineMs: 20_000,
  pricesMarginMs: 30_000,
  tokenMs: 300_000,
  // A repair reads a few ranges of a host and writes one sector to it; more of several repairs only queue up in the host.
  // In all, the callers' memory is the limit.
  maxRpcsPerHost: 8,
  maxConnections: 256,
  silentConnectionMs: 10_000,
  trustIdleMs: 3_000,
  // AWS's NAT gateway forgets a connection after 350 s.
  dropIdleMs: 300_000,
  testDeadlineMs: 2_000,
};
