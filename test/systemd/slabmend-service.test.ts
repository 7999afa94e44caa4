import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const UNIT = fileURLToPath(new URL("../../infra/systemd/slabmend.service", import.meta.url));
const hasTool = spawnSync("systemd-analyze", ["--version"]).status === 0;

test.skipIf(!hasTool)("the systemd unit has an exposure level below 2.0 in systemd-analyze", () => {
  // The option --threshold takes tenths: 19 means an exposure level of 1.9.
  const args = ["security", "--offline=true", "--threshold=19", "--no-pager", UNIT];
  const { status, stdout } = spawnSync("systemd-analyze", args, { encoding: "utf8" });
  expect(stdout).toMatch(/Overall exposure level for slabmend.service: [01]\.\d/);
  expect(status).toBe(0);
});

test("the systemd unit contains no secret, and its stop timeout exceeds the time of a repair", () => {
  const unit = readFileSync(UNIT, "utf8");
  expect(unit).toMatch(/^LoadCredential=slabmend\.env:/m);
  expect(unit).not.toMatch(/SLABMEND_(MIGRATION_SEED|DATABASE_URL)=/);
  expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1])).toBeGreaterThanOrEqual(330);
});
