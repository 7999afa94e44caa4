import { SlabmendError } from "../errors/slabmend-error.ts";

export type ServerErrorCode =
  | "bad-request"
  | "not-found"
  | "too-large"
  | "too-many-requests"
  | "too-many-streams"
  | "host-not-ours"
  | "origin-not-ours"
  | "token-missing"
  | "password-missing"
  | "password-wrong"
  | "no-queue"
  | "no-such-indexer"
  | "indexer-missing"
  | "not-confirmed"
  | "mode-not-set";

/** The error of a refused request. */
export class ServerError extends SlabmendError<ServerErrorCode> {
  /** HTTP status. */
  readonly status: number;
  readonly expected: string | null;
  readonly got: string | null;

  constructor(facts: {
    readonly status: number;
    readonly code: ServerErrorCode;
    /** The subject of the error, such as "header Host". */
    readonly name: string;
    readonly expected: string;
    readonly got: string;
    readonly remedy: string;
  }) {
    const { status, code, name, expected, got, remedy } = facts;
    super({ code, message: `${name}: expected ${expected}, got ${got}`, remedy });
    this.status = status;
    this.expected = expected;
    this.got = got;
  }
}
