import { expect, test } from "vitest";
import { resumeLeasing, stopLeasing } from "../../lib/database/fleet/fleet-mode.ts";
import { createStopTeller } from "../../lib/worker/tell-stop.ts";
import { askOf } from "../support/ask.ts";
import { useDatabase } from "../support/database.ts";

const { sql } = useDatabase();

test("a worker logs why it claims nothing only when the cause changes, with the owner and reason of a pause", async () => {
  const lines: unknown[][] = [];
  const log = (...line: unknown[]) => void lines.push(line);
  const tell = createStopTeller(askOf(sql), { info: log, warn: log } as never);
  await tell("no-backlog");
  expect(lines).toEqual([]);
  await stopLeasing(sql, { kind: "paused", owner: "ann@box", reason: "new disks" });
  await tell("paused");
  await tell("paused");
  await resumeLeasing(sql, "paused");
  await tell("breaker-open");
  await tell("deadline");
  await tell("no-backlog");
  expect(lines).toEqual([
    [
      { code: "mode-paused", owner: "ann@box", reason: "new disks", since: expect.any(Date) },
      "the fleet is paused: nothing is claimed until slabmend resume",
    ],
    [{ code: "breaker-open" }, expect.stringContaining("the circuit breaker is open")],
    [{ was: "breaker-open" }, "slabs are claimed again"],
  ]);
});
