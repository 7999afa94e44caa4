import type { Root } from "../../lib/slab/ids.ts";

/** The sectors that a fault applies to. */
export type SectorChoice = "none" | "all" | readonly Root[];

/** The faults of one host. All can be changed while the host runs, and affect running RPCs. */
export interface HostSwitches {
  /**
   * `offline` refuses connections and drops existing ones. `silent` accepts connections but answers nothing, like a
   * firewall that drops packets.
   */
  readonly availability: "online" | "offline" | "silent";
  /** Speed limit of all the host's connections together, separate for each direction; null: unlimited. */
  readonly bytesPerSecond: number | null;
  /** Delay in each direction, so a round trip takes longer by twice this time. */
  readonly latencyMs: number;
  /** Stops sending after this many bytes of a read's data, until the switch is cleared. */
  readonly stallsReadsAfterBytes: number | null;
  /** Stops receiving after this many bytes of a write's data and does not answer, until the switch is cleared. */
  readonly stallsWritesAfterBytes: number | null;
  /** Flips a bit in the data of every read; the proof is correct. */
  readonly corruptsData: boolean;
  /** Sends correct data with an invalid proof. */
  readonly sendsWrongProofs: boolean;
  /** Answers reads with the data and matching proof of a different sector. */
  readonly servesOtherSector: boolean;
  /** Answers a write with a wrong root, and stores nothing. */
  readonly liesAboutRoots: boolean;
  /** Answers a write with success, but stores nothing. */
  readonly forgetsWrites: boolean;
  /**
   * Answers requests for these sectors with `sector not found`, free of charge. The sectors stay on disk: use
   * `dropSector` to lose a sector for good.
   */
  readonly losesSectors: SectorChoice;
  /** Answers requests for these sectors with `sector corrupt`, after the debit. */
  readonly findsSectorsCorrupt: SectorChoice;
  /** Answers `not enough funds`, for any balance. */
  readonly outOfFunds: boolean;
  /**
   * The period of validity of the price tables that the host issues from now on. If it is zero or less, the tables have
   * expired already when they are issued. A real host uses 30 minutes.
   */
  readonly priceValidityMs: number;
  /** Answers writes with `not enough storage`, after the debit; the settings report that no space is left. */
  readonly full: boolean;
  /**
   * After `afterBytes` bytes of a write, sends this refusal and closes the stream although data still arrives. Debits
   * nothing.
   */
  readonly refusesWritesEarly: EarlyRefusal | null;
  /** Answers `host is shutting down` to every RPC. */
  readonly shuttingDown: boolean;
  /** Answers `internal error` to every RPC. */
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
