/** A directory that hangs, like a network file system whose server is gone. */
import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdirSync, openSync, writeSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { expect, test } from "vitest";
import { systemClock } from "../../../lib/clock/clock.ts";
import { createLogger } from "../../../lib/telemetry/logger.ts";
import { openArchive } from "../../../lib/worker/open-archive.ts";
import { askOf } from "../../support/ask.ts";
import { useDatabase } from "../../support/database.ts";
import { until } from "../../support/until.ts";
import { setWallet, useFolder } from "./archive-fixture.ts";

const { sql } = useDatabase();
const folder = useFolder();

test("an archive that hangs occupies one thread of the process, however often reap runs", async () => {
  await setWallet(sql);
  mkdirSync(join(folder.path, "manifests"));
  // Opening a pipe for reading hangs until a process opens it for writing.
  const pipe = join(folder.path, "manifests", "000000000001.json");
  execFileSync("mkfifo", [pipe]);
  const archive = (await openArchive({
    destination: { kind: "directory", path: folder.path },
    variables: {},
    clock: systemClock,
    logger: createLogger("silent", { indexer: "default" }),
  }))!;
  let ended = 0;
  try {
    // Node.js has only four threads for all file operations and name look-ups of the process: four hanging reads would
    // leave no thread.
    for (let run = 0; run < 4; run += 1) {
      expect(await archive.follow(askOf(sql), 500)).toMatchObject({ segments: 0 });
    }
    expect(await Promise.race([stat(folder.path).then(() => "answered"), wait(10_000, "hangs")])).toBe(
      "answered",
    );
  } finally {
    // Ends each read that hangs.
    const release = (): boolean => {
      try {
        const writer = openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
        writeSync(writer, "{}");
        closeSync(writer);
        ended += 1;
        return false;
      } catch {
        return true;
      }
    };
    await until(() => release());
  }
  expect(ended).toBeGreaterThan(0);
  // When the directory answers again, the archive answers too: it reports that the manifest is malformed.
  await until(async () => {
    const reading = archive.follow(askOf(sql), 5_000);
    await wait(100);
    try {
      const writer = openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
      writeSync(writer, "{}");
      closeSync(writer);
    } catch {}
    return (await reading).stopped?.code === "archive-altered";
  });
});
