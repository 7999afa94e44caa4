import { ClockError } from "../../clock/clock-check.ts";
import { ConfigurationError } from "../../config/configuration-error.ts";
import { StoreError } from "../../database/client/store-error.ts";
import { IndexdError } from "../../database/indexd/errors.ts";
import { MoveError } from "../../database/move/move-error.ts";
import { RunError } from "../../database/runs/run-error.ts";
import { OperatorError, type OperatorErrorCode } from "../../errors/operator-error.ts";
import { SlabmendError } from "../../errors/slabmend-error.ts";
import { RecoveryPhraseError } from "../../keys/recovery-phrase.ts";
import { QueueError } from "../../queue/queue-error.ts";
import { MalformedCursorError } from "../../reports/malformed-cursor-error.ts";
import { MalformedIdError } from "../../slab/ids.ts";
import type { ExitReason } from "./exit-codes.ts";

export interface Failure {
  readonly exit: ExitReason;
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

/** What an operator sees of an error. If the error comes from a library, only its name, code and message are shown. */
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
  "wallet-unreadable": "database",
  "database-url-missing": "input",
  "database-url-malformed": "input",
  "database-url-without-tls": "input",
  "variables-file-unreadable": "input",
  "variables-file-unfit": "input",
  "terminal-missing": "usage",
  "variable-missing": "input",
  "secret-file-unsafe": "input",
  "password-unfit": "input",
  "password-missing": "input",
  "address-unusable": "input",
  "database-unreachable": "database",
  "certificate-refused": "database",
  "tls-refused": "database",
  "login-refused": "database",
  "no-such-database": "database",
  "too-many-connections": "database",
  "lacks-right": "database",
  "database-failed": "database",
  "not-confirmed": "refused",
  "no-such-slab": "input",
  "slab-not-leasable": "refused",
  "leases-running": "refused",
  "still-connected": "refused",
  "login-allowed": "refused",
  "archive-behind": "refused",
  "indexd-not-known": "database",
  "hosts-silent": "refused",
  "fleet-in-maintenance": "refused",
  "fleet-being-deleted": "refused",
  "no-such-indexer": "input",
  "nothing-to-remove": "refused",
  "not-quarantined": "refused",
  "no-such-dead-letter": "refused",
  "no-such-sector": "input",
  "no-such-host": "input",
  "no-such-object": "input",
  "no-such-follower": "input",
  "sector-not-served": "refused",
  "not-restored": "refused",
  "worker-failed": "unexpected",
  "worker-unfit": "unexpected",
  "function-failed": "aws",
  "aws-package-missing": "aws",
  "aws-unavailable": "aws",
};

function exitOf(error: SlabmendError): ExitReason {
  if (error instanceof OperatorError) return EXIT_OF[error.code];
  if (error instanceof ConfigurationError || error instanceof RecoveryPhraseError) return "input";
  if (error instanceof MalformedIdError || error instanceof MalformedCursorError) return "input";
  if (error instanceof IndexdError || error instanceof StoreError) return "database";
  if (error instanceof QueueError) return "aws";
  if (error instanceof ClockError || error instanceof RunError || error instanceof MoveError)
    return "refused";
  return "unexpected";
}

/** What a SQLSTATE, or an error code of the socket or the client library, means to the operator. */
const DATABASE_FAILURES: readonly {
  readonly codes: RegExp;
  /** Pattern of the message; set where a code alone has several meanings. */
  readonly says?: RegExp;
  readonly code: OperatorErrorCode;
  /** Begins the sentence "expected …, got …"; the client's message completes it. */
  readonly expected?: string;
  readonly remedy: string;
}[] = [
  {
    codes:
      /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_\w+|CERT_UNTRUSTED|INVALID_CA)$/,
    code: "certificate-refused",
    expected: "a certificate from an authority that this machine trusts, got",
    remedy:
      "Set SLABMEND_DATABASE_CA to the certificate of the authority that signed the server's certificate (ask the operator of the database for it). sslmode=require encrypts too, but does not check who answers.",
  },
  {
    codes: /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/,
    code: "certificate-refused",
    expected: "a certificate that is valid now, got",
    remedy:
      "Renew the server's certificate and make PostgreSQL reload it. If it was renewed already, check this machine's clock.",
  },
  {
    codes: /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    code: "certificate-refused",
    expected: "a certificate for the host in the URL, got",
    remedy:
      "Use the host name of the certificate in SLABMEND_DATABASE_URL, or give the server a certificate for this name.",
  },
  {
    codes: /^(CERT_\w+|ERR_TLS_\w+|ERR_SSL_\w+|EPROTO)$/,
    code: "certificate-refused",
    expected: "TLS with a valid certificate, got",
    remedy:
      "Check the server's certificate and TLS settings, and that no proxy answers instead of the server.",
  },
  {
    codes: /^(TLS_REFUSED|ECONNRESET)$/,
    says: /the server refuses TLS|before secure TLS connection was established/,
    code: "tls-refused",
    expected: "TLS, as sslmode in SLABMEND_DATABASE_URL demands, got",
    remedy:
      "Turn TLS on in PostgreSQL (ssl = on, with a certificate). Only loopback and private addresses may do without TLS: sslmode=disable.",
  },
  {
    codes: /^42501$/,
    code: "lacks-right",
    remedy:
      "Run `slabmend grant`, and as the owner of the database apply its output; run `init` and `uninstall` as the owner. `slabmend doctor` lists every missing privilege.",
  },
  {
    codes: /^28(000|P01)$/,
    code: "login-refused",
    remedy: "Correct the user or password in SLABMEND_DATABASE_URL, or the server's pg_hba.conf.",
  },
  {
    codes: /^3D000$/,
    code: "no-such-database",
    remedy: "Correct the database's name in SLABMEND_DATABASE_URL; it must be indexd's database.",
  },
  {
    codes: /^53300$/,
    code: "too-many-connections",
    remedy:
      "Raise the role's CONNECTION LIMIT or max_connections, lower the concurrency, or use a connection pooler.",
  },
  {
    codes:
      /^(08...|57P0[123]|CONNECT.*|E(CONNREFUSED|CONNRESET|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH|AI_(AGAIN|FAIL|NODATA)|NOTFOUND))$/,
    code: "database-unreachable",
    remedy:
      "Check the host and port in SLABMEND_DATABASE_URL, that PostgreSQL runs, and that the firewall admits this machine.",
  },
  {
    codes: /^[0-9A-Z]{5}$/,
    code: "database-failed",
    remedy: "Read the message; a failed command has changed nothing.",
  },
];

/** Failures that the socket or the client library reports, not the server. */
const OF_THE_CONNECTION: ReadonlySet<OperatorErrorCode> = new Set([
  "database-unreachable",
  "certificate-refused",
  "tls-refused",
]);

export function databaseError(error: unknown): OperatorError | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  const sqlState = String(error.code);
  const isFromServer = error.name === "PostgresError";
  const failure = DATABASE_FAILURES.find(
    ({ codes, code, says }) =>
      codes.test(sqlState) &&
      (says === undefined || says.test(error.message)) &&
      (isFromServer || OF_THE_CONNECTION.has(code)),
  );
  if (failure === undefined) return undefined;
  return new OperatorError({
    code: failure.code,
    message: `database: ${failure.expected === undefined ? "" : `expected ${failure.expected}: `}${error.message || sqlState} (${sqlState})`,
    remedy: failure.remedy,
    details: { sqlState },
    cause: error,
  });
}
