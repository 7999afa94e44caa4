/** Re-exports the demo's counts. */
export * from "../../dev/indexd/seed-statistics.ts";
