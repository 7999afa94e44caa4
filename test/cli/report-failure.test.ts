import { expect, test } from "vitest";
import { databaseError } from "../../lib/cli/command/report-failure.ts";

test.each(["ENOTFOUND", "EAI_AGAIN", "EAI_FAIL", "EAI_NODATA", "ECONNREFUSED", "CONNECT_TIMEOUT"])(
  "%s of the socket or the resolver: the database cannot be reached, no bug of ours",
  (code) => {
    expect(databaseError(Object.assign(new Error("getaddrinfo"), { code }))).toMatchObject({
      code: "database-unreachable",
      remedy: expect.stringContaining("host and port"),
    });
  },
);

test.each(["EAI_BADFLAGS", "ENOENT", "XX000"])("%s that no server said is none of the database's", (code) => {
  expect(databaseError(Object.assign(new Error("other"), { code }))).toBeUndefined();
});
