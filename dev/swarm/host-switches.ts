import type { Root } from "../../lib/slab/ids.ts";

/** Which sectors a fault applies to. */
export type SectorChoice = "none" | "all" | readonly Root[];

/** The faults of one host. All can be changed while the host runs; what is under way feels the change. */
export interface HostSwitches {
  /**
   * `offline` refuses connections and drops those it has. `silent` accepts connections and answers nothing, as a
   * firewall that swallows packets would.
   */
  readonly availability: "online" | "offline" | "silent";
  /** Of the whole host, for each direction on its own; null is as fast as the machine. */
  readonly bytesPerSecond: number | null;
  /** Added to every byte in each direction, so a round trip takes twice this. */
  readonly latencyMs: number;
  /** Goes quiet after so many bytes of a read's data; goes on when the switch is lifted. */
  readonly stallsReadsAfterBytes: number | null;
  /** Stops taking a write's data after so many bytes, and never answers; goes on when the switch is lifted. */
  readonly stallsWritesAfterBytes: number | null;
  /** Flips a bit of the data of every read; the proof stays the honest one. */
  readonly corruptsData: boolean;
  /** Sends an honest read with a proof that does not fit. */
  readonly sendsWrongProofs: boolean;
  /** Answers reads with the data and matching proof of another sector than the one asked for. */
  readonly servesOtherSector: boolean;
  /** Answers a write with a root that is not the data's, and stores nothing. */
  readonly liesAboutRoots: boolean;
  /** Answers a write as if all were well, and stores nothing. */
  readonly forgetsWrites: boolean;
  /** `sector not found`, free of charge. To lose a sector for good, drop it. */
  readonly losesSectors: SectorChoice;
  /** `sector corrupt`, found out after the debit. */
  readonly findsSectorsCorrupt: SectorChoice;
  /** `not enough funds`, whatever the balance. */
  readonly outOfFunds: boolean;
  /** Of the price tables issued from now on; zero or less issues them already expired. A real host: 30 minutes. */
  readonly priceValidityMs: number;
  /** `not enough storage`, found out after the debit; the settings report no room left. */
  readonly full: boolean;
  /** Sends this refusal after so many bytes of a write and closes the stream while more data arrives. Nothing is debited. */
  readonly refusesWritesEarly: EarlyRefusal | null;
  /** `host is shutting down` to every RPC. */
  readonly shuttingDown: boolean;
  /** `internal error` to every RPC. */
  readonly failsInternally: boolean;
}

interface EarlyRefusal {
  readonly afterBytes: number;
  readonly code: number;
  readonly description: string;
}

/** hostd issues prices for 30 minutes: docs/protocol.md#rhp4-common-structures. */
const DEFAULT_PRICE_VALIDITY_MS = 30 * 60_000;

/** A host without faults. */
export const HEALTHY_SWITCHES: HostSwitches = {
  availability: "online",
  bytesPerSecond: null,
  latencyMs: 0,
  stallsReadsAfterBytes: null,
  stallsWritesAfterBytes: null,
  corruptsData: false,
  sendsWrongProofs: false,
  servesOtherSector: false,
  liesAboutRoots: false,
  forgetsWrites: false,
  losesSectors: "none",
  findsSectorsCorrupt: "none",
  outOfFunds: false,
  priceValidityMs: DEFAULT_PRICE_VALIDITY_MS,
  full: false,
  refusesWritesEarly: null,
  shuttingDown: false,
  failsInternally: false,
};

export function choiceIncludes(choice: SectorChoice, root: Root): boolean {
  if (choice === "none") return false;
  return choice === "all" || choice.includes(root);
}
