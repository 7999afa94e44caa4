import { NEWEST_VERSION } from "../../dev/indexd/indexd-schema.ts";

/** indexd's version in the tests' databases, which global-setup.ts creates. */
const INDEXD_VERSION = Number(
  (process.env["SLABMEND_TEST_INDEXD"] ?? String(NEWEST_VERSION)).split("-").at(-1),
);

/** Whether indexd itself gives a new event its time; before version 24 the writer of the event has to set the time. */
export const INDEXD_PUBLISHES = INDEXD_VERSION >= 24;
