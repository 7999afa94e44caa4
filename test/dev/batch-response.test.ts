import { expect, test } from "vitest";
import { readBatchResponse } from "../../dev/aws/batch-response.ts";

const IDS = ["a", "b"];

test.each([
  ["null", []],
  ["{}", []],
  ['{"batchItemFailures":null}', []],
  ['{"batchItemFailures":[]}', []],
  ['{"batchItemFailures":[{"itemIdentifier":"b"}]}', ["b"]],
  ['{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"a"}],"more":1}', ["b", "a"]],
])("%s means that %j failed", (payload, failed) => {
  expect(readBatchResponse(payload, IDS)).toEqual({ kind: "some-failed", failed: new Set(failed) });
});

test.each([
  '"done"',
  "true",
  '{"batchItemFailures":{}}',
  '{"batchItemFailures":["a"]}',
  '{"batchItemFailures":[null]}',
  '{"batchItemFailures":[{"itemIdentifier":""}]}',
  '{"batchItemFailures":[{"itemIdentifier":null}]}',
  '{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifer":"b"}]}',
  '{"batchItemFailures":[{"itemIdentifier":"c"}]}',
])("%s means that all failed", (payload) => {
  expect(readBatchResponse(payload, IDS)).toMatchObject({ kind: "all-failed" });
});
