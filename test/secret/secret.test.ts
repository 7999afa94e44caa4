import { format, inspect } from "node:util";
import { expect, test } from "vitest";
import { Secret } from "../../lib/secret/secret.ts";
import { createLogger } from "../../lib/telemetry/logger.ts";

const PASSWORD = "hunter2-canary";
const secret = new Secret(PASSWORD);
const seed = new Secret(Uint8Array.of(0xca, 0xfe, 0xca, 0xfe));

function logged(value: unknown): string {
  const lines: string[] = [];
  createLogger("info", { indexer: "test", destination: { write: (line) => void lines.push(line) } }).info(
    { value },
    "a line",
  );
  return lines.join("");
}

test("reveal() returns the secret", () => {
  expect(secret.reveal()).toBe(PASSWORD);
  expect(seed.reveal()).toEqual(Uint8Array.of(0xca, 0xfe, 0xca, 0xfe));
});

test.each<[string, (value: unknown) => string]>([
  ["String()", String],
  ["a template", (value) => `${value}`],
  ["join", (value) => ["secret: ", value].join("")],
  ["JSON", (value) => JSON.stringify({ value })],
  ["inspect", (value) => inspect({ value }, { depth: null, showHidden: true })],
  ["console formatting", (value) => format("%s %o %j", value, value, value)],
  ["a log line", logged],
  ["an error's cause", (value) => inspect(new Error("it failed", { cause: value }))],
  ["its own properties", (value) => JSON.stringify(Object.entries(value as object))],
  ["a copy", (value) => JSON.stringify(structuredClone({ ...(value as object) }))],
])("a secret is not shown by %s", (_, show) => {
  expect(show(secret)).not.toContain(PASSWORD);
  expect(show(seed)).not.toMatch(/202\D{1,6}254|cafe/);
});
