import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { SlabmendError } from "../../lib/errors/slabmend-error.ts";
import { createLogger } from "../../lib/telemetry/logger.ts";

function capture() {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  return { lines, logger: createLogger("info", { indexer: "main", destination }) };
}

test("an error is logged with code, remedy, details and causes, but without the database's query and parameters", () => {
  const { lines, logger } = capture();
  const library = Object.assign(new Error("duplicate key"), {
    code: "23505",
    query: "select canary",
    parameters: ["canary"],
  });
  const error = new SlabmendError({
    code: "example",
    message: "slab: expected one, got two",
    remedy: "Look at it.",
    details: { slab: "7" },
    cause: library,
  });
  logger.error({ error }, "failed");
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    level: "error",
    message: "failed",
    error: {
      code: "example",
      remedy: "Look at it.",
      details: { slab: "7" },
      cause: { code: "23505", message: "duplicate key" },
    },
  });
  expect(lines.join("")).not.toContain("canary");
});

test("a cyclic chain of causes is cut", () => {
  const { lines, logger } = capture();
  const error = new Error("round") as Error & { cause?: unknown };
  error.cause = error;
  logger.error({ error }, "failed");
  expect(lines[0]?.length).toBeLessThan(4_000);
});
