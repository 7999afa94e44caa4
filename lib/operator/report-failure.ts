import { ConfigurationError } from "../config/configuration-error.ts";
import { SlabmendError } from "../errors/slabmend-error.ts";
import { IndexdError } from "../indexd/errors.ts";
import { RecoveryPhraseError } from "../keys/recovery-phrase.ts";
import { QueueError } from "../queue/queue-error.ts";
import { MalformedIdError } from "../slab/ids.ts";
import { StoreError } from "../store/store-error.ts";
import type { ExitReason } from "./exit-codes.ts";
import { OperatorError, type OperatorErrorCode } from "./operator-error.ts";

export interface Failure {
  readonly exit: ExitReason;
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

/** What of an error the operator sees. Of an error that is not ours: its name, code and message, never its properties. */
export function describeFailure(error: unknown, signal: AbortSignal): Failure {
  const isAborted = error instanceof Error && error.name === "AbortError";
  if (isAborted || (signal.aborted && error === signal.reason)) {
    return {
      exit: "interrupted",
      code: "interrupted",
      message: "interrupted",
      remedy: "Run the command again.",
      details: {},
    };
  }
  const known = error instanceof SlabmendError ? error : databaseError(error);
  if (known !== undefined) {
    const { code, message, remedy, details } = known;
    return { exit: exitOf(known), code, message, remedy, details };
  }
  const name = error instanceof Error ? error.name : typeof error;
  return {
    exit: "unexpected",
    code: "unexpected",
    message: error instanceof Error ? `${name}: ${error.message}` : name,
    remedy: "This is a bug: report it with this line and `slabmend --version`.",
    details: {},
  };
}

const EXIT_OF: Readonly<Record<OperatorErrorCode, ExitReason>> = {
  "bad-argument": "input",
  "secret-on-command-line": "input",
  "phrase-missing": "input",
  "wallet-mismatch": "input",
  "wallet-unknown": "input",
  "database-url-missing": "input",
  "database-url-malformed": "input",
  "database-url-without-tls": "input",
  "environment-file-unreadable": "input",
  "variable-missing": "input",
  "database-unreachable": "database",
  "login-refused": "database",
  "no-such-database": "database",
  "too-many-connections": "database",
  "lacks-right": "database",
  "database-failed": "database",
  "not-confirmed": "refused",
  "no-such-slab": "refused",
  "slab-not-leasable": "refused",
  "leases-running": "refused",
  "nothing-to-remove": "refused",
  "not-quarantined": "refused",
  "no-such-dead-letter": "refused",
  "worker-failed": "unexpected",
  "function-failed": "aws",
  "aws-unavailable": "aws",
};

function exitOf(error: SlabmendError): ExitReason {
  if (error instanceof OperatorError) return EXIT_OF[error.code];
  if (error instanceof ConfigurationError || error instanceof RecoveryPhraseError) return "input";
  if (error instanceof MalformedIdError) return "input";
  if (error instanceof IndexdError || error instanceof StoreError) return "database";
  if (error instanceof QueueError) return "aws";
  return "unexpected";
}

/** SQLSTATE, or a code of the socket or of the client library: what it means to the operator. */
const DATABASE_FAILURES: readonly {
  readonly codes: RegExp;
  readonly code: OperatorErrorCode;
  readonly remedy: string;
}[] = [
  {
    codes: /^42501$/,
    code: "lacks-right",
    remedy:
      "Run `slabmend grant` and apply what it prints as the owner of the database; `init` and `uninstall` want the owner itself. `slabmend doctor` lists every right that lacks.",
  },
  {
    codes: /^28(000|P01)$/,
    code: "login-refused",
    remedy: "Correct user or password in SLABMEND_DATABASE_URL, or the server's pg_hba.conf.",
  },
  {
    codes: /^3D000$/,
    code: "no-such-database",
    remedy: "Correct the database's name in SLABMEND_DATABASE_URL; it is indexd's own.",
  },
  {
    codes: /^53300$/,
    code: "too-many-connections",
    remedy:
      "Raise the role's CONNECTION LIMIT or max_connections, lower the concurrency, or put a pooler in between.",
  },
  {
    codes:
      /^(08...|57P0[123]|CONNECT.*|E(CONNREFUSED|CONNRESET|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH|AI_AGAIN|NOTFOUND|PROTO))$/,
    code: "database-unreachable",
    remedy:
      "Check host and port in SLABMEND_DATABASE_URL, that PostgreSQL runs, and that a firewall lets this machine in.",
  },
  {
    codes: /^[0-9A-Z]{5}$/,
    code: "database-failed",
    remedy: "Read the message; nothing was changed if the command failed.",
  },
];

export function databaseError(error: unknown): OperatorError | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  const sqlState = String(error.code);
  const isFromServer = error.name === "PostgresError";
  const failure = DATABASE_FAILURES.find(
    ({ codes, code }) => codes.test(sqlState) && (isFromServer || code === "database-unreachable"),
  );
  if (failure === undefined) return undefined;
  return new OperatorError({
    code: failure.code,
    message: `database: ${error.message || sqlState} (${sqlState})`,
    remedy: failure.remedy,
    details: { sqlState },
    cause: error,
  });
}
