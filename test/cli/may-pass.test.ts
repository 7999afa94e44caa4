/** Which errors end a worker that has no queue, and after which errors it tries again. */
import { expect, test } from "vitest";
import { StoreError, type StoreErrorCode } from "../../lib/database/client/store-error.ts";
import { IndexdError } from "../../lib/database/indexd/errors.ts";
import { mayPass } from "../../lib/worker/may-pass.ts";

const withCode = (code: string): Error => Object.assign(new Error("of the driver"), { code });
const ofStore = (code: StoreErrorCode): StoreError => new StoreError({ code, message: "", remedy: "" });

test.each([
  ["a slow statement", withCode("57014"), true],
  ["a name that does not resolve", withCode("ENOTFOUND"), true],
  ["an unreachable name server", withCode("EAI_AGAIN"), true],
  ["a server that restarts", withCode("57P01"), true],
  ["a server short of memory", withCode("53200"), true],
  ["an unavailable lock", withCode("55P03"), true],
  ["a silent database", ofStore("no-answer"), true],
  ["a failover's old primary", ofStore("read-only-server"), true],
  ["a commit with an unknown result", ofStore("fate-unknown"), true],
  ["a missing privilege", withCode("42501"), false],
  ["a missing privilege found in advance", ofStore("lacks-right"), false],
  ["a wrong password", withCode("28P01"), false],
  ["a full disk", withCode("53100"), false],
  ["another schema", ofStore("schema-too-old"), false],
  ["a changed indexd", new IndexdError({ code: "indexd-changed", message: "", remedy: "" }), false],
  [
    "an indexd during an upgrade",
    new IndexdError({ code: "indexd-upgrading", message: "", remedy: "" }),
    true,
  ],
  ["a writer that met an upgraded indexd", withCode("SM001"), true],
  ["an expired certificate", withCode("CERT_HAS_EXPIRED"), false],
  ["a bug", new TypeError("x is not a function"), false],
  ["two that pass", new AggregateError([withCode("57014"), withCode("ENOTFOUND")]), true],
  ["a temporary and a permanent error", new AggregateError([withCode("57014"), withCode("42501")]), false],
])("%s: %s", (_name, error, expected) => {
  expect(mayPass(error)).toBe(expected);
});
