/** The counts live where the demo can use them too. */
export * from "../../lib/local/seed-statistics.ts";
