/** What a host has done since it was made, or since its counters were last reset. */
export interface HostCounters {
  /** TCP connections accepted. */
  readonly connections: number;
  /** Connections that ended, by the code of their end; those whose handshake failed too. */
  readonly ends: Readonly<Record<string, number>>;
  /** RPCs begun, by specifier; those that were refused count too. */
  readonly rpcs: Readonly<Record<string, number>>;
  /** Refusals sent, by description. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Bytes of sectors handed to the connections of readers: requests, proofs and encryption not counted. */
  readonly bytesRead: number;
  /** Bytes of sectors taken from writers, those of refused writes included. */
  readonly bytesWritten: number;
  /** Writes that ended with the sector on disk. */
  readonly sectorsStored: number;
  readonly hastingsCharged: bigint;
  /** Exceptions that no refusal explains: bugs of the swarm. Tests expect none. */
  readonly faults: readonly string[];
}

/** The most that is remembered of {@link HostCounters.faults}. */
const MAX_FAULTS = 20;

/** The running tally behind {@link HostCounters}. */
export class CounterTally {
  connections = 0;
  bytesRead = 0;
  bytesWritten = 0;
  sectorsStored = 0;
  hastingsCharged = 0n;
  readonly #ends = new Map<string, number>();
  readonly #rpcs = new Map<string, number>();
  readonly #refusals = new Map<string, number>();
  readonly #faults: string[] = [];

  countEnd(code: string): void {
    increment(this.#ends, code);
  }

  countRpc(name: string): void {
    increment(this.#rpcs, name);
  }

  countRefusal(description: string): void {
    increment(this.#refusals, description);
  }

  noteFault(error: unknown): void {
    if (this.#faults.length < MAX_FAULTS) {
      this.#faults.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
  }

  snapshot(): HostCounters {
    return {
      connections: this.connections,
      ends: Object.fromEntries(this.#ends),
      rpcs: Object.fromEntries(this.#rpcs),
      refusals: Object.fromEntries(this.#refusals),
      bytesRead: this.bytesRead,
      bytesWritten: this.bytesWritten,
      sectorsStored: this.sectorsStored,
      hastingsCharged: this.hastingsCharged,
      faults: [...this.#faults],
    };
  }
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
