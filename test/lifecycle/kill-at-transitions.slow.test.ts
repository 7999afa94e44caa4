/**
 * SIGKILL of the process that drives an indexer, at each point of each transition; the next process completes the
 * transition.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { migrateDatabase } from "../../lib/database/schema/migrate-database.ts";
import { useDatabase } from "../support/database.ts";

const { sql, url } = useDatabase();
const FIXTURE = fileURLToPath(new URL("./fixtures/drive-indexer.ts", import.meta.url));

/** Returns the signal that ended the process, or the number of points that it passed. */
async function drive(to: string, killAt: number): Promise<string | number> {
  const child = spawn(process.execPath, [FIXTURE, url, to, String(killAt)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.on("data", (chunk) => {
    out += String(chunk);
  });
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  if (signal !== null) return signal;
  expect([to, code]).toEqual([to, 0]);
  return Number(out);
}

async function setMode(mode: "running" | "suspended" | "deleting"): Promise<void> {
  const owner = mode === "running" ? null : "ann";
  await sql`
    update slabmend.fleet set mode = ${mode}, mode_owner = ${owner}, mode_since = ${owner === null ? null : new Date()}`;
}

const free = () =>
  sql`update slabmend.lifecycle set holder = null, token = null, expires_at = null, failures = 0, trouble = null`;
const setState = async (state: string) => {
  await free();
  await sql`update slabmend.lifecycle set state = ${state}`;
};
/** Makes every check fail, as with a missing privilege. */
const breakIt = () => sql`alter table slabmend.budget rename to budget_away`;
const mend = () => sql`alter table if exists slabmend.budget_away rename to budget`;

const TRANSITIONS: readonly (readonly [from: string, to: string, prepare: () => Promise<unknown>])[] = [
  ["initializing", "running", () => setMode("running")],
  ["running", "stopped", () => setMode("suspended")],
  ["stopped", "running", () => setMode("running")],
  ["running", "repairing", breakIt],
  ["repairing", "running", mend],
];

test.each(TRANSITIONS)("transition from %s to %s completes after any kill", async (from, to, prepare) => {
  await prepare();
  let points = 1;
  for (let killAt = 1; killAt <= points; killAt += 1) {
    await setState(from);
    expect([killAt, await drive(to, killAt)]).toEqual([killAt, "SIGKILL"]);
    const [row] = await sql<{ state: string }[]>`select state from slabmend.lifecycle`;
    // The indexer is in the old state, in transition, or in the new state.
    expect([from, to, "stopping"]).toContain(row!.state);
    await drive(to, 0);
    expect(await sql`select state, holder from slabmend.lifecycle`).toEqual([{ state: to, holder: null }]);
    if (killAt === 1) {
      await setState(from);
      points = Number(await drive(to, 0));
    }
  }
  expect(points).toBeGreaterThan(4);
});

test("a deletion killed at any point has removed everything or nothing, and the next process completes it", async () => {
  await mend();
  for (let killAt = 1, points = 1; killAt <= points; killAt += 1) {
    await setState("running");
    await setMode("deleting");
    if (killAt > 1) {
      expect([killAt, await drive("deleted", killAt)]).toEqual([killAt, "SIGKILL"]);
      const tables = await sql<{ name: string }[]>`
        select relname as name from pg_class where relnamespace = to_regnamespace('slabmend') and relkind = 'r'`;
      const names = tables.map(({ name }) => name);
      expect(names.includes("tombstone") ? names.length : names.includes("lifecycle")).toBe(
        names.includes("tombstone") ? 1 : true,
      );
    }
    const passed = Number(await drive("deleted", 0));
    if (killAt === 1) points = passed;
    expect(await sql`select owner from slabmend.tombstone`).toEqual([{ owner: "ann" }]);
    await migrateDatabase(sql, undefined, true);
  }
});
