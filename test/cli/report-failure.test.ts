import { expect, test } from "vitest";
import { databaseError } from "../../lib/cli/command/report-failure.ts";

test.each(["ENOTFOUND", "EAI_AGAIN", "EAI_FAIL", "EAI_NODATA", "ECONNREFUSED", "CONNECT_TIMEOUT"])(
  "the socket or resolver error %s means that the database cannot be reached",
  (code) => {
    expect(databaseError(Object.assign(new Error("getaddrinfo"), { code }))).toMatchObject({
      code: "database-unreachable",
      remedy: expect.stringContaining("host and port"),
    });
  },
);

test.each(["EAI_BADFLAGS", "ENOENT", "XX000"])(
  "an error with the code %s is not reported as a database error if no server sent it",
  (code) => {
    expect(databaseError(Object.assign(new Error("other"), { code }))).toBeUndefined();
  },
);
