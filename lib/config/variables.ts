import * as v from "valibot";
import { ARCHIVE_EXPECTED, type ArchiveDestination, readArchiveDestination } from "./archive-destination.ts";
import { readAuthorities } from "./database-ca.ts";
import { readDatabaseUrl } from "./database-url.ts";
import { DEFAULT_INDEXER, INDEXER_NAME, INDEXER_NAME_EXPECTED } from "./indexer-name.ts";
import { DEFAULT_REPAIR_CONCURRENCY, MAX_REPAIR_CONCURRENCY } from "./repair-concurrency.ts";

/** A function that reads variables. */
export type FunctionName = "claim" | "repair" | "reap";

/** One environment variable: how to parse it, and its row in docs/configuration.md. */
export interface Variable<Value> {
  readonly schema: v.GenericSchema<string, Value>;
  /** Completes the sentence "expected …". */
  readonly expected: string;
  readonly purpose: string;
  readonly readBy: readonly FunctionName[];
  /** Used if the variable is missing or empty; without a default the variable is required. */
  readonly fallback?: string;
  /** A secret is never printed, even if it is malformed. */
  readonly secret?: true;
  /** Describes a malformed secret without repeating it. Default: its length. */
  readonly fault?: (text: string) => { readonly expected: string; readonly got: string } | undefined;
}

/** The parsed value is wrapped in a `Secret`. */
export interface SecretVariable<Value extends string | Uint8Array> extends Variable<Value> {
  readonly secret: true;
}

const ALL: readonly FunctionName[] = ["claim", "repair", "reap"];

const integer = (least: number, most: number) =>
  v.pipe(
    v.string(),
    v.regex(/^-?[0-9]+$/),
    v.transform(Number),
    v.safeInteger(),
    v.minValue(least),
    v.maxValue(most),
  );

const decimal = (least: number, most: number) =>
  v.pipe(
    v.string(),
    v.regex(/^-?[0-9]+(\.[0-9]+)?$/),
    v.transform(Number),
    v.minValue(least),
    v.maxValue(most),
  );

const flag = v.pipe(
  v.picklist(["true", "false"]),
  v.transform((text) => text === "true"),
);

function wholeNumber(
  least: number,
  most: number,
  fallback: number,
  unit: string,
  purpose: string,
  readBy: readonly FunctionName[],
): Variable<number> {
  return {
    schema: integer(least, most),
    expected: `a whole number of ${unit} from ${least} to ${most}`,
    purpose,
    readBy,
    fallback: String(fallback),
  };
}

/** Limit for a day in UTC; undefined: no limit. */
function dailyLimit(
  unit: string,
  mostDigits: number,
  what: string,
  read: (digits: string) => bigint = BigInt,
): Variable<bigint | undefined> {
  return {
    schema: v.pipe(
      v.string(),
      v.regex(new RegExp(`^(none|[0-9]{1,${mostDigits}})$`)),
      v.transform((text) => (text === "none" ? undefined : read(text))),
    ),
    expected: `none, or a whole number of ${unit} of at most ${mostDigits} digits`,
    purpose: `${what} per day (UTC); when it is reached, claim leases only slabs in danger`,
    readBy: ["claim"],
    fallback: "none",
  };
}

/** The variable is in siacoins, the parsed value in hastings; one siacoin is 10^24 hastings. */
function hastingsOf(siacoins: string): bigint {
  const [whole = "0", fraction = ""] = siacoins.split(".");
  return BigInt(whole) * 10n ** 24n + BigInt(fraction.padEnd(24, "0"));
}

function databaseUrlFault(text: string) {
  const database = readDatabaseUrl(text);
  return "fault" in database ? database.fault : undefined;
}

const queueUrl = v.pipe(
  v.string(),
  v.check((text) => URL.canParse(text) && ["http:", "https:"].includes(new URL(text).protocol)),
);

/**
 * Every variable that the functions read: addresses, secrets, values from the deployment, and settings that operators
 * have a reason to change. Other settings are constants in code: docs/decisions/0003-settings.md.
 */
export const VARIABLES = {
  SLABMEND_INDEXER: {
    schema: v.pipe(v.string(), v.regex(INDEXER_NAME)),
    expected: INDEXER_NAME_EXPECTED,
    purpose:
      "name of the indexer whose slabs are repaired; used in messages, log lines, metrics and names of AWS resources",
    readBy: ALL,
    fallback: DEFAULT_INDEXER,
  } as Variable<string>,
  SLABMEND_DATABASE_URL: {
    schema: v.pipe(
      v.string(),
      v.check((text) => databaseUrlFault(text) === undefined),
    ),
    expected: "a postgres:// URL of one host and a database, with TLS if the host is public",
    purpose: "indexd's own PostgreSQL database",
    readBy: ALL,
    secret: true,
    fault: databaseUrlFault,
  } as SecretVariable<string>,
  SLABMEND_DATABASE_CA: {
    schema: v.pipe(
      v.string(),
      v.rawTransform(({ dataset, addIssue, NEVER }): string | undefined => {
        if (dataset.value === "") return undefined;
        const authorities = readAuthorities(dataset.value);
        if (authorities !== undefined) return authorities;
        addIssue({ message: "no certificate" });
        return NEVER;
      }),
    ),
    expected: "certificates in PEM, or the path of a file of them",
    purpose:
      "authorities that sign the database server's certificate, if Node.js does not know them (as with RDS); needs sslmode=verify-full",
    readBy: ALL,
    fallback: "",
    // The message does not repeat the text: an operator may have pasted a private key.
    fault: (text) => ({
      expected: "certificates in PEM, or the path of a file of them",
      got: `${text.length} characters of something else`,
    }),
  } as Variable<string | undefined>,
  SLABMEND_MIGRATION_SEED: {
    schema: v.pipe(
      v.string(),
      v.regex(/^[0-9a-fA-F]{64}$/),
      v.transform((hex) => Uint8Array.from(Buffer.from(hex, "hex"))),
    ),
    expected: "64 hex digits (32 bytes)",
    purpose:
      "seed of the account that pays the hosts; derived from the recovery phrase, which workers never get",
    readBy: ["repair"],
    secret: true,
  } as SecretVariable<Uint8Array>,
  SLABMEND_QUEUE_URL: {
    schema: queueUrl,
    expected: "the http(s) URL of an SQS queue",
    purpose: "the repair queue; the repair function returns a message to it if the repair could not begin",
    readBy: ALL,
  } as Variable<string>,
  SLABMEND_DEAD_LETTER_QUEUE_URL: {
    schema: queueUrl,
    expected: "the http(s) URL of an SQS queue",
    purpose: "the queue for messages that were received five times without success",
    readBy: ["reap"],
  } as Variable<string>,
  SLABMEND_REPAIR_CONCURRENCY: wholeNumber(
    1,
    MAX_REPAIR_CONCURRENCY,
    DEFAULT_REPAIR_CONCURRENCY,
    "repairs",
    "maximum number of simultaneous repairs by the functions; claim keeps twice as many leases. work and serve have --concurrency instead",
    ["claim"],
  ),
  SLABMEND_BAD_CONTRACT_GRACE_SECONDS: wholeNumber(
    0,
    604_800,
    21_600,
    "seconds",
    "how long a slab waits for repair if its only bad sectors are pinned to bad contracts; 0: no wait",
    ["claim"],
  ),
  SLABMEND_BAD_HOST_GRACE_SECONDS: wholeNumber(
    0,
    604_800,
    21_600,
    "seconds",
    "how long a slab waits for repair if its only bad sectors are on blocked or unusable hosts; 0: no wait",
    ["claim"],
  ),
  SLABMEND_DAILY_SIACOINS: dailyLimit("siacoins", 12, "most that hosts may charge for repairs", hastingsOf),
  SLABMEND_DAILY_BYTES_READ: dailyLimit("bytes", 18, "most that repairs may read from hosts"),
  SLABMEND_DAILY_REPAIRS: dailyLimit("repairs", 12, "maximum number of repairs that move sectors"),
  SLABMEND_INDEXD_GRACE_SECONDS: wholeNumber(
    0,
    86_400,
    3_600,
    "seconds",
    "how long after its next_repair_attempt a slab is left to indexd's own workers; set it to 0 if indexd runs with slabs.migrations: false and there is no remote worker",
    ["claim"],
  ),
  SLABMEND_MIN_HOST_DISTANCE_KM: {
    schema: decimal(0, 20_000),
    expected: "kilometres from 0 to 20000",
    purpose: "minimum distance between two hosts of a slab; use indexd's setting",
    readBy: ["repair"],
    fallback: "10",
  } as Variable<number>,
  SLABMEND_MAX_SIACOINS_PER_REPAIR: {
    schema: v.pipe(
      v.string(),
      v.regex(/^(none|[0-9]{1,9}(\.[0-9]{1,12})?)$/),
      v.transform((text) => (text === "none" ? undefined : hastingsOf(text))),
    ),
    expected: "none, or siacoins with at most 12 decimals",
    purpose:
      "most that hosts may charge for one repair; the repair stops before a transfer that would exceed this, and its finished moves are kept",
    readBy: ["repair"],
    fallback: "none",
  } as Variable<bigint | undefined>,
  SLABMEND_ALLOW_PRIVATE_ADDRESSES: {
    schema: flag,
    expected: "true or false",
    purpose: "also dial hosts on private and loopback addresses; only for test networks",
    readBy: ["repair"],
    fallback: "false",
  } as Variable<boolean>,
  SLABMEND_ACCEPT_INDEXD_VERSION: {
    schema: v.pipe(
      v.string(),
      v.regex(/^(none|[0-9]{1,9})$/),
      v.transform((text) => (text === "none" ? undefined : Number(text))),
    ),
    expected: "none, or the number of a database version of indexd",
    purpose:
      "work on this version of indexd's database, although parts of it that slabmend reads are unknown to this release (docs/indexd-upgrades.md)",
    readBy: ALL,
    fallback: "none",
  } as Variable<number | undefined>,
  SLABMEND_ARCHIVE: {
    schema: v.pipe(
      v.string(),
      v.rawTransform(({ dataset, addIssue, NEVER }): ArchiveDestination | undefined => {
        if (dataset.value === "none") return undefined;
        const destination = readArchiveDestination(dataset.value as string);
        if (destination !== undefined) return destination;
        addIssue({ message: "no destination" });
        return NEVER;
      }),
    ),
    expected: ARCHIVE_EXPECTED,
    purpose:
      "where the journal is archived, for a restore of the database (docs/journal.md); each indexer needs its own place",
    readBy: ["reap"],
    fallback: "none",
  } as Variable<ArchiveDestination | undefined>,
  SLABMEND_VERIFY: {
    schema: v.picklist(["none", "due"]),
    expected: "none or due",
    purpose:
      "due: slabmend makes indexd's due integrity checks (docs/maintenance.md); none: slabmend leaves them to indexd",
    readBy: ["claim", "reap"],
    fallback: "none",
  } as Variable<"none" | "due">,
  SLABMEND_CHECK_QUEUE_URL: {
    schema: v.pipe(
      v.union([v.literal("none"), queueUrl]),
      v.transform((text) => (text === "none" ? undefined : text)),
    ),
    expected: "none, or the http(s) URL of an SQS queue",
    purpose: "the queue of due checks, with SLABMEND_VERIFY=due; work and serve do not need this queue",
    readBy: ["claim"],
    fallback: "none",
  } as Variable<string | undefined>,
  SLABMEND_SHARE: wholeNumber(
    1,
    1_000,
    1,
    "parts",
    "if one serve repairs for several indexers: this indexer's part of the simultaneous repairs (--concurrency), in proportion to the other indexers' shares; what an indexer does not need of its part is lent to the others, first to the one with the most urgent slab",
    [],
  ),
  SLABMEND_METRICS_NAMESPACE: {
    schema: v.pipe(v.string(), v.regex(/^[A-Za-z0-9._/#:-]{0,255}$/)),
    expected: "at most 255 letters, digits and . _ / # : -",
    purpose: "CloudWatch namespace of the metrics, printed as embedded metric format; empty: no metrics",
    readBy: ALL,
    fallback: "",
  } as Variable<string>,
  SLABMEND_LOG_LEVEL: {
    schema: v.picklist(["trace", "debug", "info", "warn", "error", "silent"]),
    expected: "trace, debug, info, warn, error or silent",
    purpose: "minimum severity that is logged",
    readBy: ALL,
    fallback: "info",
  } as Variable<"trace" | "debug" | "info" | "warn" | "error" | "silent">,
} as const;

export type VariableName = keyof typeof VARIABLES;
