import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { migrateDatabase } from "../../lib/database/schema/migrate-database.ts";
import { useDatabase } from "../support/database.ts";
import { createFleetRole } from "./fleet-role.ts";
import { runCli } from "./run-cli.ts";

const PHRASE = `${"abandon ".repeat(11)}about`;
const SEED = "a2148f6a110c828b50a1ef70f18793c5025d84032d333d8806a97a5d9e86e901";
const ACCOUNT = "b85f89a785bff0aa0a5ee1c8ceac574f8b46fb7a99b8a08b6b9c7ea24a9a2dbc";
const WALLET_HASH = "ee40078ab9d743f3a7ef99d9e68a7b3a59f7a80c422bd01a2bdce93a45adf758";

test("derive-seed prints only the seed to standard output, so that it can be piped into a secret", async () => {
  const { code, out, err } = await runCli(["derive-seed"], { input: `${PHRASE}\n` });
  expect([code, out]).toEqual([0, `${SEED}\n`]);
  expect(err).toContain(ACCOUNT);
  expect(err).not.toContain(SEED);
});

test("derive-seed --json prints seed, account and whether the wallet matches", async () => {
  const { code, json, err } = await runCli(["derive-seed", "--json"], { input: PHRASE });
  expect([code, json, err]).toEqual([
    0,
    { schemaVersion: 1, migrationSeed: SEED, account: ACCOUNT, wallet: "not-compared" },
    "",
  ]);
});

describe("derive-seed refuses bad input, says what it expected and what to do, and repeats no word of the input", () => {
  test.each([
    ["eleven words", "abandon ".repeat(11), "wrong-word-count", "expected 12 words, got 11"],
    ["a wrong checksum", `${"abandon ".repeat(11)}zoo`, "wrong-checksum", "the last word"],
    ["an unknown word", `${"abandon ".repeat(11)}slabmend`, "unknown-word", "as word 12"],
    ["nothing", undefined, "phrase-missing", "got nothing"],
    ["another file", "abandon ".repeat(10_000), "phrase-missing", "more than 1024 bytes"],
  ])("%s", async (_name, input, expectedCode, says) => {
    const { code, out, err, error } = await runCli(
      ["derive-seed", "--json"],
      input === undefined ? {} : { input },
    );
    expect([code, out, error?.code]).toEqual([3, "", expectedCode]);
    expect(error?.message).toContain(says);
    expect(error?.remedy).not.toBe("");
    expect(err).not.toMatch(/abandon|zoo|slabmend"/);
  });

  test("a phrase as an argument is refused and not echoed", async () => {
    const { code, err } = await runCli(["derive-seed", ...PHRASE.split(" ")]);
    expect(code).toBe(2);
    expect(err).not.toContain("abandon");
    const asOption = await runCli(["derive-seed", "--phrase=abandon"]);
    expect(asOption.code).toBe(2);
    expect(asOption.err).not.toContain("abandon");
  });
});

describe("with a database", () => {
  const database = useDatabase({ schema: "indexd" });
  const derive = () =>
    runCli(["derive-seed", "--json"], {
      input: PHRASE,
      environment: { SLABMEND_DATABASE_URL: database.url },
    });

  test("the phrase is compared with indexd's wallet before anything is printed", async () => {
    const { sql } = database;
    expect((await derive()).error?.code).toBe("wallet-unknown");

    await sql`update global_settings set wallet_hash = ${Buffer.from(WALLET_HASH, "hex")}`;
    expect((await derive()).json).toMatchObject({ migrationSeed: SEED, wallet: "matches" });

    // The workers' role may not read the wallet's hash, even after the grant.
    await migrateDatabase(sql);
    const role = await createFleetRole(database);
    const asWorker = await runCli(["derive-seed", "--json"], {
      input: PHRASE,
      environment: { SLABMEND_DATABASE_URL: role.url },
    });
    await role.drop();
    expect([asWorker.code, asWorker.out, asWorker.error?.code]).toEqual([4, "", "wallet-unreadable"]);
    expect(asWorker.error?.remedy).toMatch(/owner/);
    expect(asWorker.error?.remedy).not.toMatch(/apply its output/);

    await sql`update global_settings set wallet_hash = ${randomBytes(32)}`;
    const other = await derive();
    expect([other.code, other.out]).toEqual([3, ""]);
    expect(other.error?.code).toBe("wallet-mismatch");
    expect(other.err).not.toContain(SEED);
  });
});
