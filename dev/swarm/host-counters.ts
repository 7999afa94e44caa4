/** A host's counters; they count from the host's creation, or from their last reset. */
export interface HostCounters {
  /** TCP connections accepted. */
  readonly connections: number;
  /** Ended connections, including failed handshakes, by the code that says how they ended. */
  readonly ends: Readonly<Record<string, number>>;
  /** RPCs begun, by specifier, including refused ones. */
  readonly rpcs: Readonly<Record<string, number>>;
  /** Refusals sent, by description. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Bytes of sectors sent to readers, without requests, proofs and encryption. */
  readonly bytesRead: number;
  /** Bytes of sectors received from writers, including refused writes. */
  readonly bytesWritten: number;
  /** Writes that ended with the sector on disk. */
  readonly sectorsStored: number;
  readonly hastingsCharged: bigint;
  /** Exceptions that are not refusals, so they show bugs in the swarm. Tests expect none. */
  readonly faults: readonly string[];
}

/** Maximum length of {@link HostCounters.faults}. */
const MAX_FAULTS = 20;

/** Counts for {@link HostCounters}. */
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
