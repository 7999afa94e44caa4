import type { Sql } from "postgres";
import type { Ask } from "../../database/client/deadline-client.ts";
import type { Secret } from "../../secret/secret.ts";

/** What a move needs. We are logged in to both servers as a superuser. */
export interface MoveDependencies {
  readonly source: Ask;
  readonly target: Ask;
  /** True: an operator says that the target is permanently lost, so an abort does not contact it. */
  readonly isTargetLost?: boolean;
  /** For pg_dump. */
  readonly sourceUrl: Secret<string>;
  /** PEM certificates of the authorities that sign the source's certificate. */
  readonly authorities: string | undefined;
  readonly pgDump: string;
  /** Creates a client of the source's database that logs in as another role. The caller ends it. */
  readonly connectSourceAs: (user: string, password: Secret<string>) => Sql;
  /**
   * Aborted when an operator interrupts the command. If the command is `switch` and has not finished, what it has done
   * is undone.
   */
  readonly interrupt: AbortSignal;
  /** Called between two effects; kill tests end the process there. */
  readonly step?: (name: string) => void | Promise<void>;
}

/** The time limit of statements that process every row. */
export const LONG = { limitMs: 6 * 3_600_000 } as const;
export const IDEMPOTENT = { isIdempotent: true } as const;
