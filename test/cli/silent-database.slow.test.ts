/** Commands with a database that stops answering after the handshake: each ends by itself, or at once on a signal. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { createFastClock } from "../support/fast-clock.ts";
import { startSilentDatabase } from "../support/silent-proxy.ts";
import { startCli } from "./cli-process.ts";
import { runCli } from "./run-cli.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const SEED = "11".repeat(32);
/**
 * `silentAt` is a part of the first statement that the database does not answer. The command waits 20 s for the answer,
 * and 20 s more if the call is idempotent.
 */
const COMMANDS: readonly (readonly [command: string, silentAt: string, code: number])[] = [
  ["status", "global_settings", 4],
  ["doctor --hosts 0", "select 1", 6],
  ["pause", "global_settings", 4],
  ["resume", "global_settings", 4],
  ["plan 1", "global_settings", 4],
  ["repair 1", "has_column_privilege", 4],
  ["quarantine list", "global_settings", 4],
  ["dead-letters list", "global_settings", 4],
  ["slabs", "global_settings", 4],
  ["slab 1", "global_settings", 4],
  ["hosts", "global_settings", 4],
  ["history", "global_settings", 4],
  ["losses list", "global_settings", 4],
  ["maintenance status", "global_settings", 4],
  ["init --yes", "global_settings", 4],
  ["uninstall --yes", "global_settings", 4],
  ["work --from-database", "has_column_privilege", 4],
];

test.each(COMMANDS)("slabmend %s ends if the database stops answering", async (command, silentAt, code) => {
  const proxy = await startSilentDatabase(database.url);
  void proxy.fallSilentAt(silentAt, "statement");
  const clock = createFastClock(40);
  const startedAtMs = clock.now();
  const result = await runCli([...command.split(" "), "--json"], {
    environment: { SLABMEND_DATABASE_URL: proxy.url, SLABMEND_MIGRATION_SEED: SEED },
    clock,
  });
  expect([result.code, result.err + result.out]).toEqual([
    code,
    expect.stringContaining("expected an answer within"),
  ]);
  expect(clock.now() - startedAtMs).toBeLessThan(120_000);
  // The command drops the silent connection, and opens only a few new ones.
  expect(proxy.accepted).toBeLessThanOrEqual(3);
  await proxy.stop();
});

test.each([
  ["SIGTERM", "work --from-database", 0],
  ["SIGINT", "work --from-database", 0],
  ["SIGTERM", "repair 1", 130],
  ["SIGTERM", "status --watch", 0],
  ["SIGTERM", "pause", 130],
] as const)(
  "%s ends slabmend %s at once during a query to a silent database, with no repair begun",
  async (signal, command, code) => {
    const proxy = await startSilentDatabase(database.url);
    const asked = proxy.fallSilent();
    const cli = startCli(command.split(" "), {
      SLABMEND_DATABASE_URL: proxy.url,
      SLABMEND_MIGRATION_SEED: SEED,
    });
    await cli.meanwhile(asked);
    const toldAtMs = performance.now();
    cli.child.kill(signal);
    expect([await cli.ended, cli.err()]).toEqual([code, expect.any(String)]);
    // Without the signal, the command would wait 20 s for the answer. The limit of 10 s leaves a margin for a busy
    // machine.
    expect(performance.now() - toldAtMs).toBeLessThan(10_000);
    await proxy.stop();
  },
);
