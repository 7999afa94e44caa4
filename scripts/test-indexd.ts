/**
 * Runs the tests that depend on the version of indexd's database: on a new database of each older version, and on a
 * database that was upgraded from the oldest version to the newest. Then runs a small demo on each release of indexd,
 * and a demo during which indexd is upgraded. `npm test` runs all tests, but only on the newest version.
 *
 *   node scripts/test-indexd.ts
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { INDEXD_RELEASES, NEWEST_RELEASE, NEWEST_VERSION } from "../dev/indexd/indexd-schema.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** The tests of commits, events, statistics, predicates and rules, and of walk, claim and reap. */
const TESTS = [
  "test/database/commit-moves",
  "test/database/commit-outcomes",
  "test/database/commit-statistics",
  "test/database/events",
  "test/database/assert-fleet-may-work",
  "test/database/indexd/",
  "test/jobs/backlog/walk",
  "test/jobs/backlog/lease",
  "test/jobs/claim/",
  "test/jobs/reap/reap.test",
];
/**
 * The databases to test on, in the format of test/support/global-setup.ts. A new database of the newest version is not
 * in the list, because `npm test` runs all tests on it.
 */
const DATABASES = [
  ...Object.values(INDEXD_RELEASES).filter((version) => version !== NEWEST_VERSION),
  `${Math.min(...Object.values(INDEXD_RELEASES))}-${NEWEST_VERSION}`,
].map(String);
const SMALL_DEMO =
  "--slabs 2 --hosts 12 --min-shards 3 --total-shards 6 --dead 1 --blocked 1 --bad-contracts 1 --lost-sectors 2 --liars 0 --kill-workers 1 --endangered 0 --json";
/** A demo with so many slabs that repairs still run during the upgrade. */
const UPGRADED_DEMO =
  "--slabs 6 --hosts 16 --min-shards 4 --total-shards 8 --dead 1 --blocked 1 --bad-contracts 1 --lost-sectors 2 --liars 0 --kill-workers 0 --endangered 0 --workers 1 --upgrade --json";

let failed = 0;

function run(what: string, environment: Record<string, string>, ...command: string[]): void {
  console.log(`=== ${what}`);
  const { status } = spawnSync(process.execPath, command, {
    cwd: ROOT,
    stdio: "inherit",
    env: { ...process.env, ...environment },
  });
  if (status === 0) return;
  failed += 1;
  console.log(`=== ${what}: FAILED`);
}

for (const database of DATABASES) {
  run(
    `tests on version ${database}`,
    { SLABMEND_TEST_INDEXD: database },
    "node_modules/vitest/vitest.mjs",
    "run",
    ...TESTS,
  );
}
for (const release of Object.keys(INDEXD_RELEASES)) {
  run(`demo on indexd ${release}`, {}, "bin/demo.ts", "--indexd", release, ...SMALL_DEMO.split(" "));
}
run(`demo with an upgrade to indexd ${NEWEST_RELEASE}`, {}, "bin/demo.ts", ...UPGRADED_DEMO.split(" "));
if (failed > 0) {
  console.log(`${failed} failed`);
  process.exitCode = 1;
}
