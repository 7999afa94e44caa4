/** The counts live where the demo can use them too. */
export * from "../../dev/indexd/seed-statistics.ts";
