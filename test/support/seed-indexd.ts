/** The builders live where the demo can use them too. */
export * from "../../lib/local/seed-indexd.ts";
