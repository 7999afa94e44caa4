/** The limits of a pool of hosts: durations in milliseconds, and counts. */
export interface HostPoolConfig {
  /** Limit for a read or write of any size, including waiting for its turn, dialling and fetching prices. */
  readonly transferDeadlineMs: number;
  /** Limit for queries of settings and balance, which are small and free. */
  readonly queryDeadlineMs: number;
  /** Prices are fetched again this long before they expire, so that they do not expire in transit. */
  readonly pricesMarginMs: number;
  /** How long an account token is valid. It is used only during the first fifth of this time. */
  readonly tokenMs: number;
  readonly maxRpcsPerHost: number;
  /** If there are more connections than this, those unused for longest are closed. */
  readonly maxConnections: number;
  /**
   * If a call is cancelled or times out after its connection made no progress for this long, the connection is dropped.
   */
  readonly silentConnectionMs: number;
  /** After a pause shorter than this a connection is used without a test. */
  readonly trustIdleMs: number;
  /** After a pause longer than this a connection is closed without a test. */
  readonly dropIdleMs: number;
  /** How long a tested connection may take to answer. */
  readonly testDeadlineMs: number;
}

export const defaultHostPoolConfig: HostPoolConfig = {
  // The same limit as indexd's for the transfer of one shard.
  transferDeadlineMs: 120_000,
  // Three round trips for a new connection and one for the query, to the other side of the planet, with packet loss.
  queryDeadlineMs: 20_000,
  pricesMarginMs: 30_000,
  tokenMs: 300_000,
  // A repair reads a few ranges from a host and writes one sector to it; more calls, from several repairs, would only
  // queue up there. The number of calls to all hosts together is limited by the callers' memory.
  maxRpcsPerHost: 8,
  maxConnections: 256,
  silentConnectionMs: 10_000,
  trustIdleMs: 3_000,
  // AWS's NAT gateway forgets a connection after 350 s.
  dropIdleMs: 300_000,
  testDeadlineMs: 2_000,
};
