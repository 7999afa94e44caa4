import { NEWEST_VERSION } from "../../dev/indexd/indexd-schema.ts";

/** The version of the tests' databases, set by global-setup.ts. */
const INDEXD_VERSION = Number(
  (process.env["SLABMEND_TEST_INDEXD"] ?? String(NEWEST_VERSION)).split("-").at(-1),
);

/** Whether indexd publishes events without a time, or the writer stamps them. */
export const INDEXD_PUBLISHES = INDEXD_VERSION >= 24;
