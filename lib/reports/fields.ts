/**
 * Fields that several reports have. A report is what a command prints with --json and what the API answers: every key is always there,
 * null stands for "unknown" or "none", and docs/json.md is made from these schemas.
 */
import * as v from "valibot";

/** Raised when a key is removed or changes its meaning; a new key does not raise it. */
export const SCHEMA_VERSION = 1;

export const schemaVersion = v.pipe(
  v.literal(SCHEMA_VERSION),
  v.description("Raised when a key is removed or changes its meaning. New keys may come without."),
);

/** By the database's clock, as `Date.prototype.toISOString()` writes it. */
export const time = v.pipe(v.string(), v.isoTimestamp());

export const count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const seconds = v.pipe(v.number(), v.minValue(0));

export const bytes = v.pipe(v.number(), v.integer(), v.minValue(0));

/** Of 32 bytes. */
export const hex = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

/** JSON numbers are exact to 2^53 only. */
export const id = v.pipe(v.string(), v.regex(/^[0-9]{1,19}$/));

export const money = v.object({
  hastings: v.pipe(v.string(), v.regex(/^[0-9]{1,50}$/), v.description("exact, in decimal digits")),
  siacoins: v.pipe(v.number(), v.minValue(0), v.description("the same in siacoins, rounded")),
});

export type Money = v.InferOutput<typeof money>;

const HASTINGS_PER_SIACOIN = 1e24;

export function moneyOf(hastings: bigint): Money {
  return { hastings: String(hastings), siacoins: Number(hastings) / HASTINGS_PER_SIACOIN };
}

/** Where the next page of a list begins. Opaque: it is only handed back. */
export const cursor = v.nullable(
  v.pipe(v.string(), v.description("hand it back to get the next page; null: this is the last one")),
);

export const timeOrNull = (date: Date | null | undefined): string | null => date?.toISOString() ?? null;
