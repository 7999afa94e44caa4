/** Which errors end a worker without a queue, and which it retries. */
import { expect, test } from "vitest";
import { StoreError, type StoreErrorCode } from "../../lib/database/client/store-error.ts";
import { IndexdError } from "../../lib/database/indexd/errors.ts";
import { mayPass } from "../../lib/worker/may-pass.ts";

const withCode = (code: string): Error => Object.assign(new Error("of the driver"), { code });
const ofStore = (code: StoreErrorCode): StoreError => new StoreError({ code, message: "", remedy: "" });

test.each([
  ["a slow statement", withCode("57014"), true],
  ["a name that does not resolve", withCode("ENOTFOUND"), true],
  ["a name server that is away", withCode("EAI_AGAIN"), true],
  ["a server that restarts", withCode("57P01"), true],
  ["a server short of memory", withCode("53200"), true],
  ["a lock that was not to be had", withCode("55P03"), true],
  ["a database that has gone silent", ofStore("no-answer"), true],
  ["a failover's old primary", ofStore("read-only-server"), true],
  ["a commit of unknown fate", ofStore("fate-unknown"), true],
  ["a right that lacks", withCode("42501"), false],
  ["a right that lacks, found out beforehand", ofStore("lacks-right"), false],
  ["a wrong password", withCode("28P01"), false],
  ["a full disk", withCode("53100"), false],
  ["another schema", ofStore("schema-too-old"), false],
  ["a changed indexd", new IndexdError({ code: "indexd-changed", message: "", remedy: "" }), false],
  ["an indexd in mid-upgrade", new IndexdError({ code: "indexd-upgrading", message: "", remedy: "" }), true],
  ["a writer that met an upgraded indexd", withCode("SM001"), true],
  ["a certificate that has run out", withCode("CERT_HAS_EXPIRED"), false],
  ["a bug", new TypeError("x is not a function"), false],
  ["two that pass", new AggregateError([withCode("57014"), withCode("ENOTFOUND")]), true],
  [
    "one that passes and one that does not",
    new AggregateError([withCode("57014"), withCode("42501")]),
    false,
  ],
])("%s: %s", (_name, error, expected) => {
  expect(mayPass(error)).toBe(expected);
});
