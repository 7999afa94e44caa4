import { NEWEST_VERSION } from "../../dev/indexd/indexd-schema.ts";

/** Of the databases that tests are given: global-setup.ts makes them so. */
const INDEXD_VERSION = Number(
  (process.env["SLABMEND_TEST_INDEXD"] ?? String(NEWEST_VERSION)).split("-").at(-1),
);

/** Whether indexd publishes events that a writer leaves without time, or the writer stamps them. */
export const INDEXD_PUBLISHES = INDEXD_VERSION >= 24;
