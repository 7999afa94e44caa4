/**
 * Fields that several reports share. Commands print reports with --json, and the API answers with the same reports.
 * Every key is always present, null means "unknown" or "none", and docs/json.md is generated from these schemas.
 */
import * as v from "valibot";

/** The version is raised when a key is removed or changes its meaning, but not for a new key. */
export const SCHEMA_VERSION = 1;

export const schemaVersion = v.pipe(
  v.literal(SCHEMA_VERSION),
  v.description("Raised when a key is removed or changes its meaning, but not for a new key."),
);

/** By the database's clock, as `Date.prototype.toISOString()` writes it. */
export const time = v.pipe(v.string(), v.isoTimestamp());

export const count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const seconds = v.pipe(v.number(), v.minValue(0));

export const bytes = v.pipe(v.number(), v.integer(), v.minValue(0));

/** 32 bytes. */
export const hex = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

/** Decimal strings: JSON numbers are exact only up to 2^53. */
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

/** Where the next page of a list begins. Opaque to clients. */
export const cursor = v.nullable(
  v.pipe(v.string(), v.description("send it as cursor to get the next page; null: this is the last page")),
);

export const timeOrNull = (date: Date | null | undefined): string | null => date?.toISOString() ?? null;
